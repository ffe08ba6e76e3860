import assert from 'node:assert/strict'
import { HalError, isDataType } from '@xpu-hal/core'
import { rejects } from '../assert.js'
import type { Case } from '../case.js'

export const devices: readonly Case[] = [
  {
    id: 'devices/identity',
    title: 'ids are unique and begin with the name of the backend; name and vendor are told',
    models: [],
    async run({ hal }) {
      const all = await hal.devices()
      assert.equal(new Set(all.map(({ id }) => id)).size, all.length, 'device ids are unique')
      for (const { id, backend, name, vendor, kind } of all) {
        assert.ok(id.startsWith(`${backend}:`), `device id ${id} begins with ${backend}:`)
        assert.match(backend, /^[a-z][a-z0-9-]*$/, 'the name of a backend is short and lower-case')
        assert.ok(name.length > 0, `${id} has a name`)
        assert.ok(vendor.length > 0, `${id} has a vendor`)
        assert.ok(['npu', 'gpu', 'cpu'].includes(kind), `${id} is of kind ${kind}`)
      }
    },
  },
  {
    id: 'devices/cores',
    title: 'a device has at least one core; core ids are unique and slots are whole numbers from 1',
    models: [],
    async run({ device: { id, cores } }) {
      assert.ok(cores.length > 0, `${id} has a core`)
      assert.equal(new Set(cores.map((core) => core.id)).size, cores.length, 'core ids are unique')
      for (const { id: core, slots } of cores) {
        assert.ok(Number.isInteger(slots) && slots >= 1, `core ${core} has ${slots} slots`)
      }
    },
  },
  {
    id: 'devices/capabilities',
    title: 'capabilities name known data types and at least one isolation',
    models: [],
    async run({ device: { capabilities } }) {
      assert.ok(capabilities.dataTypes.length > 0, 'at least one data type')
      for (const type of capabilities.dataTypes) assert.ok(isDataType(type), `${type} is a data type`)
      assert.ok(capabilities.isolation.length > 0, 'at least one isolation')
      for (const isolation of capabilities.isolation) {
        assert.ok(['thread', 'process', 'inline'].includes(isolation), `${isolation} is an isolation`)
      }
    },
  },
  {
    id: 'devices/stable',
    title: 'asking twice gives the same devices',
    models: [],
    async run({ hal }) {
      const ids = async () => (await hal.devices()).map(({ id }) => id)
      assert.deepEqual(await ids(), await ids())
    },
  },
  {
    id: 'devices/status',
    title: 'status() gives figures in their range, and leaves out what the device does not tell',
    models: [],
    async run({ device }) {
      const { load, temperatureCelsius, memoryUsedBytes, memoryTotalBytes } = await device.status()
      if (load !== undefined) {
        assert.equal(load.length, device.cores.length, 'one load for each core')
        for (const share of load) assert.ok(share >= 0 && share <= 1, `load ${share} is from 0 to 1`)
      }
      if (temperatureCelsius !== undefined) assert.ok(Number.isFinite(temperatureCelsius), 'temperature')
      if (memoryUsedBytes !== undefined) assert.ok(memoryUsedBytes >= 0, 'memory used')
      if (memoryTotalBytes !== undefined)
        assert.ok(memoryTotalBytes >= (memoryUsedBytes ?? 0), 'memory in total')
    },
  },
  {
    id: 'devices/unknown',
    title: 'opening on a device that does not exist fails with HAL_NOT_FOUND and names it',
    models: ['add'],
    async run({ hal, source }) {
      const model = await source('add')
      const error = await rejects(
        hal.openEngine(model, { devices: ['no-such-backend:7'] }),
        'HAL_NOT_FOUND',
        'no-such-backend:7',
      )
      assert.ok(HalError.isInstance(error))
    },
  },
]
