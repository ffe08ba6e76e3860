import { fstatSync, ftruncateSync, readFileSync } from 'node:fs'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { Arena } from '../src/process/arena.js'
import { Blocks } from '../src/process/blocks.js'
import { FreeRanges } from '../src/process/free-ranges.js'
import { MappedMemory } from '../src/process/mapped-memory.js'
import { collected, testOnLinux } from './process.js'

const MIB = 2 ** 20

function createArena(): Arena {
  const arena = Arena.create()
  onTestFinished(() => arena.close())
  return arena
}

/** Bytes of memory that it takes. */
const taken = (fd: number) => fstatSync(fd).blocks * 512

const offsetOf = (arena: Arena, buffer: ArrayBuffer) => arena.offsetOf(buffer) as number

let gone = 0
const registry = new FinalizationRegistry(() => gone++)

/** In a function of its own, so that no frame holds the last one. */
function use(arena: Arena, byteLength: number, count: number): Set<number> {
  const offsets = new Set<number>()
  for (let i = 0; i < count; i++) {
    const buffer = arena.allocate(byteLength)
    new Uint8Array(buffer).fill(1)
    offsets.add(offsetOf(arena, buffer))
    registry.register(buffer, undefined)
  }
  return offsets
}

/** Writes to so many buffers of a size, drops them, and waits until they were collected. @returns where they were */
async function useAndDrop(arena: Arena, byteLength: number, count: number): Promise<Set<number>> {
  const all = gone + count
  const offsets = use(arena, byteLength, count)
  await collected(() => gone === all)
  return offsets
}

afterEach(() => {
  vi.useRealTimers()
})

testOnLinux('buffers are zeroed, aligned and apart; only they have an offset', () => {
  const arena = createArena()
  const sizes = [0, 1, 64, 65, 4095, 4096, 5000, 600_000]
  const buffers = sizes.map((size) => arena.allocate(size))
  const ranges = buffers.map((buffer) => ({ at: offsetOf(arena, buffer), bytes: buffer.byteLength }))
  for (const [i, { at, bytes }] of ranges.entries()) {
    expect(bytes).toBe(sizes[i])
    expect(at).toBeGreaterThan(0)
    expect(at % (bytes < 4096 ? 64 : 4096)).toBe(0)
    expect(new Uint8Array(buffers[i] as ArrayBuffer).every((byte) => byte === 0)).toBe(true)
    for (const other of ranges.slice(i + 1)) {
      expect(at + bytes <= other.at || other.at + other.bytes <= at).toBe(true)
    }
  }
  expect(arena.offsetOf(structuredClone(buffers[2] as ArrayBuffer))).toBeUndefined()
  expect(arena.offsetOf(new ArrayBuffer(8))).toBeUndefined()
})

testOnLinux('another mapping sees the same bytes, inside of the arena alone', () => {
  const arena = createArena()
  const memory = new MappedMemory(arena.fd, arena.size)
  const buffer = arena.allocate(100_000)
  const there = new Uint8Array(memory.view(offsetOf(arena, buffer), 100_000))
  new Uint8Array(buffer)[99_999] = 7
  there[0] = 8
  expect(there[99_999]).toBe(7)
  expect(new Uint8Array(buffer)[0]).toBe(8)
  for (const [at, bytes] of [
    [arena.size - 1, 2],
    [-64, 10],
    [0, 10],
    [64.5, 10],
    [Number.NaN, 10],
    [64, 2 ** 32],
    [64, -1],
  ] as const) {
    expect(() => memory.view(at, bytes)).toThrow(expect.objectContaining({ code: 'HAL_INTERNAL' }))
  }
})

testOnLinux('nobody with the descriptor can change its size', () => {
  const arena = createArena()
  expect(() => ftruncateSync(arena.fd, 4096)).toThrow(/EPERM/)
  expect(() => ftruncateSync(arena.fd, arena.size * 2)).toThrow(/EPERM/)
})

testOnLinux('memory of buffers that were dropped is used again, zeroed', async () => {
  const arena = createArena()
  const before = await useAndDrop(arena, 600_000, 20)
  const held = taken(arena.fd)
  const buffers = Array.from({ length: 20 }, () => arena.allocate(600_000))
  expect(new Set(buffers.map((buffer) => offsetOf(arena, buffer)))).toEqual(before)
  for (const buffer of buffers) expect(Buffer.from(buffer).equals(Buffer.alloc(600_000))).toBe(true)
  expect(taken(arena.fd)).toBe(held)
})

testOnLinux('memory that is free goes back to the system after a while, and reads as zero then', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const arena = createArena()
  await useAndDrop(arena, 5 * MIB + 1, 30)
  await useAndDrop(arena, 1000, 300)
  const peak = taken(arena.fd)
  expect(peak).toBeGreaterThan(150 * MIB)
  // Not at once: what is used again soon costs nothing.
  vi.advanceTimersByTime(4000)
  expect(taken(arena.fd)).toBe(peak)
  vi.advanceTimersByTime(20_000)
  expect(taken(arena.fd)).toBeLessThan(64 * 1024)
  expect(vi.getTimerCount()).toBe(0)
  expect(Buffer.from(arena.allocate(5 * MIB)).equals(Buffer.alloc(5 * MIB))).toBe(true)
})

testOnLinux('memory that is used again and again stays', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const arena = createArena()
  await useAndDrop(arena, MIB, 100)
  const peak = taken(arena.fd)
  for (let i = 0; i < 6; i++) {
    vi.advanceTimersByTime(2500)
    await useAndDrop(arena, MIB, 100)
    expect(taken(arena.fd)).toBe(peak)
  }
})

testOnLinux('sizes that change again and again come to a level', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const arena = createArena()
  for (let i = 0; i < 40; i++) await useAndDrop(arena, (1 + ((i * 7) % 11)) * MIB + i * 5000, 5)
  expect(taken(arena.fd)).toBeLessThan(2 * 5 * 12 * MIB)
})

testOnLinux('too much is refused, with the sizes', () => {
  const arena = createArena()
  const refused = (bytes: number) =>
    expect.objectContaining({ code: 'HAL_RESOURCE_EXHAUSTED', message: expect.stringContaining(`${bytes}`) })
  expect(() => arena.allocate(2 ** 32)).toThrow(refused(2 ** 32))
  expect(arena.allocate(2 ** 32 - 1).byteLength).toBe(2 ** 32 - 1)
  const held: ArrayBuffer[] = []
  const fill = () => {
    for (;;) held.push(arena.allocate(2 ** 32 - 4096))
  }
  expect(fill).toThrow(refused(arena.size))
  expect(held.length).toBeLessThan(16)
})

testOnLinux('buffers outlive close; the memory goes with the last of them', async () => {
  const arena = Arena.create()
  const { ino } = fstatSync(arena.fd)
  const isMapped = () => new RegExp(` ${ino} +/memfd:xpu-hal`).test(readFileSync('/proc/self/maps', 'latin1'))
  let buffer: ArrayBuffer | undefined = arena.allocate(MIB)
  new Uint8Array(buffer).fill(5)
  arena.close()
  arena.close()
  expect(() => arena.allocate(1)).toThrow(expect.objectContaining({ code: 'HAL_FAILED_PRECONDITION' }))
  expect(() => fstatSync(arena.fd)).toThrow(/EBADF/)
  await collected(() => true)
  expect(new Uint8Array(buffer)[MIB - 1]).toBe(5)
  new Uint8Array(buffer)[0] = 6
  expect(isMapped()).toBe(true)
  buffer = undefined
  await collected(() => !isMapped())
})

test('ranges: what is free is known exactly, however it is taken and given back', () => {
  const SIZE = 500
  const free = new FreeRanges()
  free.add({ start: 0, end: SIZE })
  const used = new Map<number, number>()
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  for (let i = 0; i < 20_000; i++) {
    const [oldest] = used
    if (random(2) === 0 || oldest === undefined) {
      const bytes = 1 + random(60)
      const start = free.take(bytes)
      if (start !== undefined) used.set(start, bytes)
    } else {
      const [start, bytes] = [...used][random(used.size)] as [number, number]
      used.delete(start)
      free.add({ start, end: start + bytes })
    }
    const sum = [...used.values()].reduce((all, bytes) => all + bytes, 0)
    expect(free.byteLength).toBe(SIZE - sum)
    if (i % 100 === 0) {
      const ends = [...used].sort(([a], [b]) => a - b)
      ends.forEach(([start, bytes], k) => {
        expect(start + bytes).toBeLessThanOrEqual(ends[k + 1]?.[0] ?? SIZE)
      })
    }
  }
  for (const [start, bytes] of used) free.add({ start, end: start + bytes })
  expect(free.take(SIZE)).toBe(0)
  expect(free.take(1)).toBeUndefined()
})

test('blocks: used and unused memory that is large enough only together is found', () => {
  const released: number[] = []
  const blocks = new Blocks({ start: 0, end: 8 * 65_536 }, 65_536, ({ start, end }) =>
    released.push(end - start),
  )
  const first = blocks.allocate(5 * 65_536)
  expect(first).toEqual({ offset: 0, clean: true })
  blocks.free(0, 5 * 65_536)
  expect(blocks.allocate(7 * 65_536)).toEqual({ offset: 0, clean: true })
  expect(released).toEqual([5 * 65_536])
  expect(blocks.allocate(2 * 65_536)).toBeUndefined()
})
