import { closeFrame, encodeFrame, OPCODES } from '../support/web-socket-peer.ts'
import { GREETING } from './utf8-sequences.ts'

/**
 * How the node must answer. `served`: the request among the frames is answered, and the connection is open afterwards.
 * `pongs`: also with these payloads in pong frames. `fails`: the connection ends with a close frame of this code. `closes`:
 * it ends with this code, because the peer closed it. `ends`: the frames are fine, but Engine.IO or Socket.IO refuses what
 * they carry, and the connection ends without an answer.
 */
type Expected = { readonly kind: 'served'; readonly pongs?: readonly string[] } | { readonly kind: 'fails' | 'closes'; readonly code: number } | { readonly kind: 'ends' }

export interface FrameCase {
  readonly name: string
  readonly frames: readonly Buffer[]
  readonly expected: Expected
  /** How the bytes reach the node: at once, a frame at a time, or a byte at a time. At once by default. */
  readonly chop?: 'frames' | 'bytes'
  /** The reason, where it is not in RFC 6455 itself. */
  readonly why?: string
}

const { continuation, text, binary, close, ping, pong } = OPCODES

/** A request whose answer repeats the group. */
export const request = (group = 'g'): string => `420["subscribe",${JSON.stringify({ group })}]`
/** The same, filled with blanks, which JSON ignores, to this number of bytes. */
const requestOf = (bytes: number): string => request().padEnd(bytes, ' ')

const served = { kind: 'served' } as const
const ends = { kind: 'ends' } as const
const fails = (code: number) => ({ kind: 'fails', code }) as const
const closes = (code: number) => ({ kind: 'closes', code }) as const
const whole = encodeFrame({ payload: request() })
const [head, tail] = [request().slice(0, 9), request().slice(9)]
const first = encodeFrame({ payload: head, final: false })
const last = encodeFrame({ payload: tail, opcode: continuation })
const notUtf8 = Buffer.from([0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff])
const control = (opcode: number, payload: Buffer | string = '') => encodeFrame({ opcode, payload })
/** Splits a text into frames of this many bytes. */
const inFragments = (payload: Buffer, bytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(payload.length / bytes) }, (_, i) =>
    encodeFrame({
      opcode: i === 0 ? text : continuation,
      payload: payload.subarray(i * bytes, (i + 1) * bytes),
      final: (i + 1) * bytes >= payload.length,
    }),
  )

/** The largest message that a node reads: `maxPayload` of the Engine.IO handshake. */
const MAX_BYTES = 24_576

const lengths: readonly FrameCase[] = [
  { name: 'a text without payload', frames: [encodeFrame(), whole], expected: ends, why: 'no Engine.IO packet is empty' },
  ...[125, 126, 127, 128, MAX_BYTES].map((bytes) => ({ name: `a text of ${bytes} bytes`, frames: [encodeFrame({ payload: requestOf(bytes) })], expected: served })),
  {
    name: `a text of ${MAX_BYTES} bytes in packets of 997`,
    frames: Array.from({ length: Math.ceil(MAX_BYTES / 997) }, (_, i) => encodeFrame({ payload: requestOf(MAX_BYTES) }).subarray(i * 997, (i + 1) * 997)),
    expected: served,
    chop: 'frames',
  },
  ...[MAX_BYTES + 1, 65_535, 65_536].map((bytes) => ({
    name: `a text of ${bytes} bytes`,
    frames: [encodeFrame({ payload: requestOf(bytes) })],
    expected: fails(1009),
    why: 'larger than maxPayload',
  })),
  ...[2n ** 20n, 16n * 2n ** 20n, 2n ** 53n, 2n ** 63n].map((declaredLength) => ({
    name: `a text that announces ${declaredLength} bytes`,
    frames: [encodeFrame({ declaredLength, lengthBits: 64 })],
    expected: fails(1009),
    why: 'refused by its length, before a byte of it has come',
  })),
  ...[16, 64].map((lengthBits) => ({
    name: `a short text whose length is written in ${lengthBits} bits`,
    frames: [encodeFrame({ payload: request(), lengthBits: lengthBits as 16 | 64 })],
    expected: served,
    why: 'a client must use the shortest form; a server need not insist, and the length is the same',
  })),
  ...[0, 125, 126, 127, 128, MAX_BYTES].map((bytes) => ({
    name: `a binary message of ${bytes} bytes that nothing announced`,
    frames: [encodeFrame({ opcode: binary, payload: Buffer.alloc(bytes, 0xfe) }), whole],
    expected: ends,
    why: 'binary messages only follow a Socket.IO packet that announces them',
  })),
  {
    name: 'a binary message that is announced',
    frames: [encodeFrame({ payload: '451-7["subscribe",{"_placeholder":true,"num":0}]' }), encodeFrame({ opcode: binary, payload: notUtf8 }), whole],
    expected: served,
  },
  ...[65_535, 65_536].map((bytes) => ({
    name: `a binary message of ${bytes} bytes`,
    frames: [encodeFrame({ opcode: binary, payload: Buffer.alloc(bytes, 0xfe) })],
    expected: fails(1009),
    why: 'larger than maxPayload',
  })),
  {
    name: 'many fragments that are larger than a message may be, together',
    frames: inFragments(Buffer.from(requestOf(65_536)), 2_000),
    expected: fails(1009),
    why: 'larger than maxPayload',
  },
]

const pings: readonly FrameCase[] = [
  { name: 'a ping without payload', frames: [control(ping), whole], expected: { kind: 'served', pongs: [''] } },
  ...['Hello', notUtf8, Buffer.alloc(125, 0xfe)].map((payload) => ({
    name: `a ping with ${payload.length} bytes`,
    frames: [control(ping, payload), whole],
    expected: { kind: 'served' as const, pongs: [Buffer.from(payload).toString('latin1')] },
  })),
  { name: 'a ping with 126 bytes', frames: [control(ping, Buffer.alloc(126)), whole], expected: fails(1002) },
  { name: 'a ping, a byte at a time', frames: [control(ping, 'in pieces'), whole], expected: { kind: 'served', pongs: ['in pieces'] }, chop: 'bytes' },
  { name: 'a pong that answers nothing', frames: [control(pong), whole], expected: served },
  { name: 'a pong with payload that answers nothing', frames: [control(pong, 'x'), whole], expected: served },
  { name: 'a pong that answers nothing, then a ping', frames: [control(pong, 'x'), control(ping, 'y'), whole], expected: { kind: 'served', pongs: ['y'] } },
  ...(['frames', 'bytes'] as const).map((chop) => ({
    name: `ten pings, in ${chop}`,
    frames: [...Array.from({ length: 10 }, (_, i) => control(ping, `${i}`)), whole],
    expected: { kind: 'served' as const, pongs: Array.from({ length: 10 }, (_, i) => `${i}`) },
    chop,
  })),
]

const reserved: readonly FrameCase[] = [
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((rsv) =>
    Object.entries({ text, binary, ping, close }).map(([name, opcode]) => ({
      name: `reserved bits ${rsv} in a ${name} frame`,
      frames: [encodeFrame({ rsv, opcode, payload: opcode === close ? '' : request() }), control(ping)],
      expected: fails(1002),
      why: 'no extension is agreed, permessage-deflate neither',
    })),
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) =>
    ['', 'payload'].map((payload) => ({
      name: `reserved opcode ${opcode} with ${payload || 'no payload'}`,
      frames: [control(opcode, payload), control(ping)],
      expected: fails(1002),
    })),
  ),
  { name: 'a proper request before a reserved opcode, a byte at a time', frames: [control(7), control(ping)], expected: fails(1002), chop: 'bytes' },
]

const fragments: readonly FrameCase[] = [
  ...[ping, pong, close].map((opcode) => ({
    name: `a control frame with opcode ${opcode} in two fragments`,
    frames: [encodeFrame({ opcode, final: false }), encodeFrame({ opcode: continuation })],
    expected: fails(1002),
  })),
  ...(['frames', 'bytes', undefined] as const).flatMap((chop) => [
    { name: `a text in two fragments, ${chop}`, frames: [first, last], expected: served, ...(chop && { chop }) },
    {
      name: `a ping between two fragments, ${chop}`,
      frames: [first, control(ping, 'between'), last],
      expected: { kind: 'served' as const, pongs: ['between'] },
      ...(chop && { chop }),
    },
    ...[true, false].map((final) => ({
      name: `a continuation of nothing, ${final ? 'final' : 'not final'}, ${chop}`,
      frames: [encodeFrame({ opcode: continuation, final, payload: 'x' }), whole],
      expected: fails(1002),
      ...(chop && { chop }),
    })),
  ]),
  {
    name: 'a continuation of nothing after a fragmented text',
    frames: [
      encodeFrame({ payload: '3', final: false }),
      encodeFrame({ opcode: continuation }),
      encodeFrame({ opcode: continuation, final: false, payload: 'x' }),
      whole,
    ],
    expected: fails(1002),
  },
  { name: 'a new text within a fragmented one', frames: [first, whole], expected: fails(1002) },
  { name: 'a binary message within a fragmented text', frames: [first, encodeFrame({ opcode: binary, payload: notUtf8 })], expected: fails(1002) },
  {
    name: 'five fragments with pings between, each ping answered before the text is complete',
    frames: inFragments(Buffer.from(request()), 8).flatMap((one, i, { length }) => (i === 0 || i === length - 1 ? [one] : [one, control(ping, `${i}`)])),
    expected: { kind: 'served', pongs: ['1', '2', '3'].slice(0, Math.ceil(request().length / 8) - 2) },
    chop: 'frames',
  },
  {
    name: 'empty fragments around the text',
    frames: [encodeFrame({ final: false }), encodeFrame({ opcode: continuation, final: false, payload: request() }), encodeFrame({ opcode: continuation })],
    expected: served,
  },
  {
    name: 'three empty fragments',
    frames: [encodeFrame({ final: false }), encodeFrame({ opcode: continuation, final: false }), encodeFrame({ opcode: continuation }), whole],
    expected: ends,
    why: 'no Engine.IO packet is empty',
  },
]

const masks: readonly FrameCase[] = Object.entries({ text, binary, ping, pong, close }).map(([name, opcode]) => ({
    name: `a ${name} frame without a mask`,
    frames: [encodeFrame({ opcode, masked: false, payload: opcode === close ? '' : request() })],
    expected: fails(1002),
  }))

/** Close codes that a peer may send: those of RFC 6455, later registered ones, and those left to libraries and apps. */
const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
const INVALID_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]

const closing: readonly FrameCase[] = [
  { name: 'a close without a code', frames: [control(close)], expected: closes(0) },
  { name: 'a close with one byte', frames: [control(close, 'a')], expected: fails(1002) },
  { name: 'a close with a reason', frames: [closeFrame(1000, 'Bye')], expected: closes(1000) },
  { name: 'a close with the longest reason', frames: [closeFrame(1000, 'x'.repeat(123))], expected: closes(1000) },
  { name: 'a close with a longer reason', frames: [closeFrame(1000, 'x'.repeat(124))], expected: fails(1002) },
  { name: 'a close with a reason that is not UTF-8', frames: [closeFrame(1000, Buffer.from([0x78, 0xed, 0xa0, 0x80]))], expected: fails(1007) },
  ...VALID_CODES.map((code) => ({ name: `a close with code ${code}`, frames: [closeFrame(code)], expected: closes(code) })),
  ...INVALID_CODES.map((code) => ({ name: `a close with code ${code}, which nobody may send`, frames: [closeFrame(code)], expected: fails(1002) })),
  { name: 'two closes', frames: [closeFrame(1000), control(close)], expected: closes(1000) },
  { name: 'a ping after the close', frames: [closeFrame(1000), control(ping, 'late')], expected: closes(1000) },
  { name: 'a text after the close', frames: [closeFrame(1000), whole], expected: closes(1000) },
  { name: 'a close between fragments', frames: [first, closeFrame(1000), last], expected: closes(1000) },
  {
    name: 'a message that is too large, then a close',
    frames: [encodeFrame({ payload: requestOf(256 * 1024) }), closeFrame(1000), control(ping)],
    expected: fails(1009),
  },
]


const unicode: readonly FrameCase[] = [
  { name: 'UTF-8 in one frame', frames: [encodeFrame({ payload: request(GREETING) })], expected: served },
  { name: 'UTF-8 in fragments that end within characters', frames: inFragments(Buffer.from(request(GREETING)), 5), expected: served },
  { name: 'UTF-8, a byte at a time', frames: [encodeFrame({ payload: request(GREETING) })], expected: served, chop: 'bytes' },
  { name: 'a surrogate within a message', frames: [encodeFrame({ payload: Buffer.from([0x33, 0x78, 0xed, 0xa0, 0x80, 0x79]) }), whole], expected: fails(1007) },
  { name: 'a surrogate in fragments', frames: inFragments(Buffer.from([0x33, 0x78, 0xed, 0xa0, 0x80, 0x79]), 1), expected: fails(1007) },
]

export const FRAME_CASES: Readonly<Record<string, readonly FrameCase[]>> = {
  'lengths of 7, 16 and 64 bits': lengths,
  'pings and pongs': pings,
  'reserved bits and opcodes': reserved,
  fragmentation: fragments,
  masking: masks,
  'close codes and the closing handshake': closing,
  'UTF-8 in frames': unicode,
}
