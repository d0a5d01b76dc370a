import { createHash } from 'node:crypto'
import { isRecord, parseRecord } from '../../shared/json.ts'
import { beginning, digestOf, linkOf } from '../broker/chain.ts'
import { Comparison } from './comparison.ts'
import { isSignedWith, readPublicKey } from '../lib/evidence-keys.ts'
import type { PublicKey } from '../lib/evidence-keys.ts'
import { describe, FORMAT, isoOf, isSame } from './lines.ts'
import type { Problem, Verdict, Verified } from './verdict.ts'

/** Of UTF-8 and UTF-16. A gateway writes none. */
const BYTE_ORDER_MARKS = ['efbbbf', 'fffe', 'feff'].map((hex) => Buffer.from(hex, 'hex'))
/** More are not listed. */
const MAX_GIVEN = 20

interface VerifyOptions {
  /** One of them must have signed it. Without any, the one in the file is taken. */
  readonly keys?: readonly PublicKey[]
  /** What an earlier file of the same log was verified to be. */
  readonly earlier?: Verified
}

/** Checks a file of evidence, given as its lines with their line breaks, and remembers no more than two of them. */
export async function verifyEvidence(
  lines: AsyncIterable<Buffer>,
  { keys = [], earlier }: VerifyOptions = {},
): Promise<Verdict> {
  const body = new Body(earlier && new Comparison(earlier))
  /** What may be the head and the signature. */
  const last: Buffer[] = []
  for await (const line of lines) {
    last.push(line)
    const first = last.length > 2 ? last.shift() : undefined
    if (first !== undefined) body.add(first)
    if (body.unknown !== undefined) return body.unknown
  }
  const [head, signature] = last.map(toRecord)
  if (body.lines === 0) {
    const begins = new Body().header(last[0] ?? Buffer.alloc(0))
    if (begins !== undefined) return begins
  }
  const headFields = head?.['head']
  if (!isRecord(headFields) || signature?.['signature'] === undefined)
    return (
      body.problem ??
      altered('it ends without its head and signature: it was cut off', body.lines + last.length)
    )
  return body.end(headFields, last[0] ?? Buffer.alloc(0), signature, keys)
}

const altered = (problem: string, line?: number): Problem<'altered'> => ({
  verdict: 'altered',
  problem,
  ...(line !== undefined && { line }),
})

const toRecord = (line: Buffer): Record<string, unknown> | undefined => parseRecord(line.toString())

/** Everything before the head. */
class Body {
  lines = 0
  unknown: Problem<'unknown'> | undefined
  /** The first one. */
  problem: Problem<'altered'> | undefined
  readonly #hash = createHash('sha256')
  readonly #given: string[] = []
  #header: Record<string, unknown> = {}
  #entries = 0
  #shown = 0
  #unreadable = 0
  #first: unknown = null
  #last: unknown = null
  #offset: number | undefined
  /** The link of the entry before; null for an entry that has none, undefined if it is not known. */
  #link: string | null | undefined
  readonly #comparison: Comparison | undefined

  constructor(comparison?: Comparison) {
    this.#comparison = comparison
  }

  add(line: Buffer): void {
    this.#hash.update(line)
    this.lines++
    const problem = this.lines === 1 ? this.header(line) : this.#entryOrGap(line)
    if (problem?.verdict === 'unknown') this.unknown = problem
    else this.problem ??= problem
  }

  /** Returns what is wrong with the first line. */
  header(line: Buffer): Problem<'unknown'> | undefined {
    const header = parseRecord(line.toString())
    const format = header?.['recallGatewayEvidence']
    if (header === undefined || format === undefined)
      return {
        verdict: 'unknown',
        line: 1,
        problem: BYTE_ORDER_MARKS.some((mark) => line.subarray(0, mark.length).equals(mark))
          ? 'it was written again in another encoding, as editors and the `>` of PowerShell do: get the file as it was saved'
          : 'this is no file of evidence of a recall gateway',
      }
    if (format !== FORMAT)
      return {
        verdict: 'unknown',
        line: 1,
        problem: `it has format ${JSON.stringify(format)}, and this version knows format ${FORMAT}: use a newer one`,
      }
    this.#header = header
    const before = header['before']
    if (isRecord(before) && typeof before['offset'] === 'number') {
      this.#offset = before['offset']
      this.#link = typeof before['link'] === 'string' ? before['link'] : null
      this.#comparison?.add(before['offset'], this.#link)
    }
    return undefined
  }

  #entryOrGap(line: Buffer): Problem<'altered'> | undefined {
    const fields = toRecord(line)
    if (fields === undefined) return altered('it is not one line of JSON', this.lines)
    const missing = fields['missing']
    if (!isRecord(missing)) return this.#entry(fields)
    const { from, to } = missing
    if (typeof from !== 'number' || typeof to !== 'number' || from !== (this.#offset ?? NaN) + 1 || to < from)
      return altered('the entries that it says are missing are not those that are', this.lines)
    this.#offset = to
    this.#link = undefined
    if (fields['removed'] === true)
      return altered(
        `the entries ${from} to ${to} are missing, and the log still held those before and behind them`,
        this.lines,
      )
    this.#give(`line ${this.lines}: the log no longer held the entries ${from} to ${to}`)
    return undefined
  }

  #entry(fields: Record<string, unknown>): Problem<'altered'> | undefined {
    const { offset, digest, subset, keptAtMs, epoch, link, entry } = fields
    if (typeof offset !== 'number' || typeof digest !== 'string' || typeof subset !== 'string')
      return altered('it is no entry', this.lines)
    const isNext = this.#offset === undefined || offset === this.#offset + 1
    const previous = typeof epoch === 'string' ? beginning(epoch) : this.#link
    const isKnown = this.#entries > 0 || this.#link !== undefined
    this.#entries++
    this.#offset = offset
    this.#link = typeof link === 'string' ? link : null
    this.#last = { offset, link }
    this.#first ??= this.#last
    this.#comparison?.add(offset, this.#link)
    if (!isNext) return altered(`entry ${offset} does not follow the one before it`, this.lines)
    if (typeof entry === 'string' && digestOf(entry) !== digest)
      return altered(`entry ${offset} is not the one that its digest is of`, this.lines)
    if (fields['unreadable'] === true) {
      this.#unreadable++
      if (fields['recall'] !== undefined)
        return altered(`entry ${offset} is told of, but could not be read`, this.lines)
    } else if (typeof entry === 'string') {
      this.#shown++
      if (!isSame(fields['recall'], describe(entry, subset)))
        return altered(`what is told of entry ${offset} is not what it says`, this.lines)
    } else if (fields['recall'] !== undefined)
      return altered(`entry ${offset} is told of, but missing`, this.lines)
    if (!isSame(fields['keptAt'], isoOf(keptAtMs)))
      return altered(`the time of entry ${offset} is not the one in its link`, this.lines)
    if (typeof link !== 'string') {
      this.#give(`line ${this.lines}: entry ${offset} has no link, it was stored by an earlier version`)
      return undefined
    }
    if (typeof keptAtMs !== 'number') return altered(`entry ${offset} has a link without a time`, this.lines)
    if (previous === undefined) {
      this.#give(
        `line ${this.lines}: the link of entry ${offset} is taken as it stands, because the entry before it was no longer in the log`,
      )
      return undefined
    }
    if (typeof epoch === 'string' && isKnown)
      this.#give(
        `line ${this.lines}: a new chain begins with entry ${offset}, which proves nothing of what is before it`,
      )
    if (previous === null || linkOf(previous, { offset, keptAtMs, subset, digest }) !== link)
      return altered(
        `the link of entry ${offset} does not follow from it and from the link before it`,
        this.lines,
      )
    return undefined
  }

  #give(sentence: string): void {
    if (this.#given.length < MAX_GIVEN) this.#given.push(sentence)
    else this.#given[MAX_GIVEN] = 'and more'
  }

  /** Compares everything with the head, which these are the bytes of, and the head with its signature. */
  end(
    head: Record<string, unknown>,
    bytes: Buffer,
    signature: Record<string, unknown>,
    keys: readonly PublicKey[],
  ): Verdict {
    const inFile = readPublicKey(String(signature['publicKey']))
    if (inFile === undefined || inFile.id !== signature['key'])
      return altered('the key on the last line is none', this.lines + 2)
    // Base64 can be written in several ways.
    const { signature: text, ...rest } = signature
    const canonical = { signature: Buffer.from(String(text), 'base64').toString('base64'), key: inFile.id }
    if (!isSame({ signature: text, ...rest }, { ...canonical, publicKey: inFile.publicKey }))
      return altered('the signature is not written as a gateway writes it', this.lines + 2)
    if (!isSignedWith(inFile, bytes.subarray(0, -1), String(signature['signature']))) {
      if (bytes.at(-2) === CARRIAGE_RETURN)
        return altered(
          'its line breaks were changed, as mail programs and Git do: get the file as it was saved',
        )
      return this.problem ?? altered('the head is not what was signed', this.lines + 1)
    }
    if (head['lines'] !== this.lines || head['sha256'] !== this.#hash.digest('hex'))
      return (
        this.problem ??
        altered(
          `what is before the head is not what was signed: it had ${JSON.stringify(head['lines'])} lines and another SHA-256`,
        )
      )
    // What follows says what the gateway has done.
    if (keys.length > 0 && !keys.some(({ publicKey }) => publicKey === inFile.publicKey))
      return {
        verdict: 'unknown',
        line: this.lines + 2,
        problem: `it was signed with the key ${inFile.id}, not with ${keys.map(({ id }) => id).join(' or ')}: unless you know that one, too, anybody may have made the file`,
      }
    if (this.problem !== undefined)
      return {
        ...this.problem,
        problem: `${this.problem.problem}. The gateway signed it like this: the log was changed in its store before, or is damaged`,
      }
    const counted = {
      entries: this.#entries,
      shown: this.#shown,
      first: this.#first,
      last: this.#last,
      room: this.#header['room'],
      app: this.#header['app'],
    }
    for (const [name, value] of Object.entries(counted))
      if (!isSame(head[name], value)) return altered(`the head is wrong about "${name}"`, this.lines + 1)
    const given = [...this.#notesOf(head), ...this.#given]
    const compared = this.#comparison?.end(this.#header, head)
    if (compared !== undefined && typeof compared !== 'string') return compared
    if (compared !== undefined) given.push(compared)
    const agrees = this.#comparison !== undefined && compared === undefined
    return { verdict: 'verified', head, header: this.#header, key: inFile, given, ...(agrees && { agrees }) }
  }

  /** What the file as a whole lacks. */
  *#notesOf(head: Record<string, unknown>): Generator<string, void> {
    const { logEnd, logBegin, filter } = this.#header
    if (head['complete'] !== true)
      yield `the file is not complete, which the gateway says itself: ${String(head['problem'])}`
    else if (isRecord(logEnd) && logBegin === null && logEnd['offset'] !== 0)
      yield `the log ended with entry ${JSON.stringify(logEnd['offset'])}, and held none any more`
    else if (isRecord(logEnd) && logBegin !== null && !(isRecord(filter) && 'until' in filter)) {
      if (this.#offset !== logEnd['offset'])
        yield `it ends with entry ${JSON.stringify(this.#offset ?? null)}, and the log ended with ${JSON.stringify(logEnd['offset'])}: what is between is not in it`
    }
    if (this.#unreadable > 0)
      yield `entries that the gateway could not read: ${this.#unreadable}. They are not signed with a key of it, or a later version stored them, or no gateway did`
  }
}

const CARRIAGE_RETURN = 0x0d
