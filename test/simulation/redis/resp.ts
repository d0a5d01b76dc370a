import { formatDouble, formatInteger } from './numbers.ts'
import { Double, ErrorReply, Pairs, Status } from './reply.ts'
import type { Protocol, Reply } from './reply.ts'

/** Cuts what arrives into commands. Strings are binary: one character stands for one byte. */
export class CommandParser {
  #pending = ''
  #position = 0

  /** Adds bytes that arrived. */
  add(chunk: Buffer): void {
    const text = chunk.toString('latin1')
    this.#pending =
      this.#position === this.#pending.length ? text : this.#pending.slice(this.#position) + text
    this.#position = 0
  }

  /** Returns name and arguments of the next command; undefined until it has arrived whole. Throws for anything else. */
  next(): string[] | undefined {
    const text = this.#pending
    let at = this.#position
    if (at >= text.length) return undefined
    if (text[at] !== '*')
      throw new ErrorReply('ERR Protocol error: only arrays of bulk strings are known here')
    let end = text.indexOf('\r\n', at)
    if (end < 0) return undefined
    const count = Number(text.slice(at + 1, end))
    const words: string[] = []
    at = end + 2
    for (let i = 0; i < count; i++) {
      if (at >= text.length) return undefined
      if (text[at] !== '$') throw new ErrorReply(`ERR Protocol error: expected '$', got '${text[at]}'`)
      end = text.indexOf('\r\n', at)
      if (end < 0) return undefined
      const from = end + 2
      const to = from + Number(text.slice(at + 1, end))
      if (to + 2 > text.length) return undefined
      words.push(text.slice(from, to))
      at = to + 2
    }
    this.#position = at
    return words
  }
}

/** Encodes a reply. The result is binary: one character stands for one byte. */
export function encodeReply(reply: Reply, protocol: Protocol): string {
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`
  if (typeof reply === 'number') return `:${formatInteger(reply)}\r\n`
  if (reply === null) return protocol === 3 ? '_\r\n' : '$-1\r\n'
  if (reply instanceof Status) return `+${reply.text}\r\n`
  if (reply instanceof ErrorReply) return `-${reply.message.replaceAll(/[\r\n]/g, ' ')}\r\n`
  if (reply instanceof Double) {
    const text = formatDouble(reply.value)
    return protocol === 3 ? `,${text}\r\n` : encodeReply(text, protocol)
  }
  if (reply instanceof Pairs)
    return protocol === 3
      ? encodeItems(`%${reply.flat.length / 2}\r\n`, reply.flat, protocol)
      : encodeReply(reply.flat, protocol)
  return encodeItems(`*${reply.length}\r\n`, reply, protocol)
}

/** Encodes what is sent unasked, or in reply to a subscription. */
export const encodePush = (items: readonly Reply[], protocol: Protocol): string =>
  encodeItems(`${protocol === 3 ? '>' : '*'}${items.length}\r\n`, items, protocol)

function encodeItems(header: string, items: readonly Reply[], protocol: Protocol): string {
  let text = header
  for (const item of items) text += encodeReply(item, protocol)
  return text
}
