import { closeSync, readSync, writeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { serialize } from 'node:v8'
import type { HalError } from '@xpu-hal/core/backend'
import { expect, onTestFinished, vi } from 'vitest'
import { Channel } from '../src/process/channel.js'
import { ChildChannel } from '../src/process/child-channel.js'
import { type Arrival, bell, FrameReader, jsonFrame } from '../src/process/frames.js'
import type { ProcessAnswer, ProcessMail } from '../src/process/message.js'
import { Readiness, socketPair } from '../src/process/native/descriptor.js'
import { unpackOutputs } from '../src/worker/outputs.js'
import { testOnLinux } from './process.js'

const BELL = Buffer.alloc(4)
const mail = (value: unknown) => value as ProcessMail
const answer = (value: unknown) => value as ProcessAnswer

/** A channel, the other end of its socket, and what was heard from there. */
function open() {
  const [ours, theirs] = socketPair()
  const channel = new Channel(ours)
  const heard: unknown[] = []
  channel.onMessage = (message) => heard.push(message)
  channel.onBell = () => heard.push('bell')
  channel.onDamage = ({ code }: HalError) => heard.push(code)
  onTestFinished(() => channel.close())
  return { channel, theirs, heard }
}

/** Resolves when so much was heard. */
async function until(heard: readonly unknown[], count: number): Promise<void> {
  while (heard.length < count) await turn()
}

testOnLinux('messages and bells go both ways, in order', async () => {
  const { channel, theirs, heard } = open()
  const child = new ChildChannel(theirs)
  channel.send(mail({ kind: 'close', odd: new Float32Array([1, 2]), big: 5n }))
  channel.bell()
  channel.send(mail('x'.repeat(100_000)))
  expect(child.read()).toEqual({ kind: 'close', odd: new Float32Array([1, 2]), big: 5n })
  expect(child.read()).toBe('x'.repeat(100_000))
  child.bell()
  child.send(answer({ kind: 'reply', value: 7n }))
  child.send(answer({ kind: 'reply', value: 'é' }))
  child.bell()
  await until(heard, 4)
  expect(heard).toEqual(['bell', { kind: 'reply', value: '7' }, { kind: 'reply', value: 'é' }, 'bell'])
})

testOnLinux('a wait of the child ends with a bell, a message or the time, and keeps messages', () => {
  const { channel, theirs } = open()
  const child = new ChildChannel(theirs)
  child.wait(1)
  channel.bell()
  child.wait()
  channel.send(mail('first'))
  child.wait(60_000)
  channel.send(mail('second'))
  expect([child.read(), child.read()]).toEqual(['first', 'second'])
})

testOnLinux('bells do not get between the parts of a message that does not fit', async () => {
  const { channel, theirs } = open()
  const child = new ChildChannel(theirs)
  const long = 'y'.repeat(5_000_000)
  const bytes = serialize(long).length + serialize('after').length + 4 * 4
  const all = Buffer.alloc(bytes)
  channel.send(mail(long))
  // There is room in the socket now, while the rest of the message is still to be written.
  const first = readSync(theirs, all)
  channel.bell()
  channel.send(mail('after'))
  channel.bell()
  const readiness = new Readiness(theirs)
  for (let at = first; at < bytes; await turn()) {
    // The other end is written to by this very thread.
    if (readiness.wait(0)) at += readSync(theirs, all, at, bytes - at, null)
  }
  const arrived: Arrival[] = []
  new FrameReader().read(all, arrived)
  expect(arrived.map((body) => (body === bell ? 'bell' : body.length))).toEqual([
    serialize(long).length,
    'bell',
    serialize('after').length,
    'bell',
  ])
  channel.send(mail('end'))
  expect(child.read()).toBe('end')
})

testOnLinux('frames are read however they are cut', () => {
  const messages = ['', 'a', 'b'.repeat(300), 'c'.repeat(200_000)]
  const stream = Buffer.concat(messages.flatMap((text) => [jsonFrame(JSON.stringify(text)), BELL]))
  for (const step of [1, 3, 7, 4096, 65_536, stream.length]) {
    const reader = new FrameReader()
    const arrived: Arrival[] = []
    const place = Buffer.alloc(step)
    for (let at = 0; at < stream.length; at += step) {
      const part = stream.subarray(at, at + step)
      place.set(part)
      reader.read(place.subarray(0, part.length), arrived)
      // What was read is not looked at any more.
      place.fill(255)
    }
    const read = arrived.map((body) => (body === bell ? 'bell' : JSON.parse(body.toString())))
    expect(read).toEqual(messages.flatMap((text) => [text, 'bell']))
  }
})

testOnLinux('what is announced and never comes takes no memory', () => {
  const header = Buffer.alloc(4)
  header.writeUInt32LE(2 ** 28)
  const readers = Array.from({ length: 50 }, () => new FrameReader())
  const before = process.memoryUsage().arrayBuffers
  for (const reader of readers) reader.read(header, [])
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 100_000)
  expect(readers).toHaveLength(50)
})

testOnLinux.each([
  ['a length beyond the limit', Buffer.from([1, 0, 0, 0x10])],
  ['the largest length', Buffer.from([255, 255, 255, 255])],
  ['bytes that are no JSON', Buffer.from([2, 0, 0, 0, 123, 255])],
])('damage, %s, is told once, after what came before; nothing is read behind it', async (_, damage) => {
  const { channel, theirs, heard } = open()
  writeSync(theirs, Buffer.concat([jsonFrame('1'), BELL, damage, jsonFrame('2'), damage]))
  await channel.closed
  expect(heard).toEqual([1, 'bell', 'HAL_DATA_LOSS'])
  channel.send(mail(1))
  channel.bell()
  expect(channel.readNow()).toBe(false)
  expect(channel.waitReadable(0)).toBe(true)
})

testOnLinux('what the other side sent before it closed is heard; half a message is not', async () => {
  const { channel, theirs, heard } = open()
  writeSync(theirs, Buffer.concat([jsonFrame('1'), jsonFrame('"half"').subarray(0, 7)]))
  closeSync(theirs)
  await channel.closed
  expect(heard).toEqual([1])
})

testOnLinux('a listener that throws loses nothing of what comes after', async () => {
  const { channel, theirs, heard } = open()
  const uncaught = vi.fn()
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').once('uncaughtException', uncaught)
  onTestFinished(() => {
    for (const other of others) process.on('uncaughtException', other)
  })
  channel.onMessage = (message) => {
    heard.push(message)
    if (message === 1) throw new Error('of the listener')
  }
  writeSync(theirs, Buffer.concat([jsonFrame('1'), jsonFrame('2'), jsonFrame('3')]))
  await until(heard, 3)
  expect(heard).toEqual([1, 2, 3])
  expect(uncaught).toHaveBeenCalledOnce()
})

testOnLinux('a thread can wait for messages without its event loop, also inside of a listener', async () => {
  const { channel, theirs, heard } = open()
  expect(channel.waitReadable(1)).toBe(false)
  expect(channel.readNow()).toBe(true)
  writeSync(theirs, jsonFrame('1').subarray(0, 3))
  expect(channel.waitReadable()).toBe(true)
  expect(channel.readNow()).toBe(true)
  expect(heard).toEqual([])
  writeSync(theirs, Buffer.concat([jsonFrame('1').subarray(3), jsonFrame('2'), jsonFrame('3')]))
  channel.readNow()
  expect(heard).toEqual([1, 2, 3])
  let inside: unknown[] = []
  channel.onMessage = (message) => {
    heard.push(message)
    if (message !== 4) return
    writeSync(theirs, jsonFrame('6'))
    channel.waitReadable()
    channel.readNow()
    channel.readNow()
    inside = [...heard]
  }
  writeSync(theirs, Buffer.concat([jsonFrame('4'), jsonFrame('5')]))
  await until(heard, 6)
  expect(inside).toEqual([1, 2, 3, 4, 5, 6])
  expect(heard).toEqual(inside)
  closeSync(theirs)
  expect(channel.waitReadable()).toBe(true)
  expect(channel.readNow()).toBe(false)
})

testOnLinux('a worker that has too much to say is told so, and is not killed for it', () => {
  expect(() => jsonFrame(`[${'"a",'.repeat(2 ** 22)}0]`)).toThrow(/too many values/)
  expect(jsonFrame(JSON.stringify(',[{"\\'.repeat(2 ** 22))).length).toBeGreaterThan(2 ** 24)
})

testOnLinux('strings that are fewer than their shape says do not pass for those of the caller', () => {
  const mine = { dataType: 'string', shape: [2], data: ['a', 'b'] } as const
  const came = { dataType: 'string', shape: [2], data: ['x'] } as const
  const given = { ...mine, data: [...mine.data] }
  expect(unpackOutputs([given], [came], () => new Float32Array(0))).toEqual([came])
  expect(given.data).toEqual(['a', 'b'])
})

testOnLinux('what cannot be cloned is refused and leaves the channel whole', () => {
  const { channel, theirs } = open()
  expect(() => channel.send(mail(() => {}))).toThrow(/could not be cloned/)
  channel.send(mail('fine'))
  expect(new ChildChannel(theirs).read()).toBe('fine')
})
