import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { isRecord, parseRecord } from '../../shared/json.ts'
import { readPublicKey } from '../lib/evidence-keys.ts'
import type { PublicKey } from '../lib/evidence-keys.ts'
import { splitLines } from '../evidence/split-lines.ts'
import type { Verdict, Verified } from '../evidence/verdict.ts'
import { verifyEvidence } from '../evidence/verify.ts'
import { collect } from './command.ts'
import type { Terminal } from './command.ts'
import { createProgress } from './pacing.ts'

/** Exit codes. */
const [ALTERED, UNKNOWN] = [1, 2]

/** A file with keys, such as `GET /v1/evidence-key` returns, is not larger. */
const MAX_KEY_BYTES = 65_536

interface VerifyOptions {
  readonly key: readonly string[]
  readonly earlier?: string
}

export function addVerify(program: Command, terminal: Terminal): void {
  program
    .command('verify')
    .description(
      'check a file of evidence: exit code 0 if it is unchanged, 1 if it is not, 2 if that cannot be told',
    )
    .argument('<file>', 'what GET /v1/evidence returned')
    .option(
      '--key <key>',
      'a public key that GET /v1/evidence-key told before, or a file that contains it, or its answer; can be repeated',
      collect,
      [],
    )
    .option('--earlier <file>', 'an earlier file of the same room, with which this one must agree')
    .action((file: string, options: VerifyOptions) => verify(file, options, terminal))
}

async function verify(file: string, options: VerifyOptions, terminal: Terminal): Promise<void> {
  const { print, exitWith } = terminal
  const keys = options.key.flatMap(keysIn)
  const wrong = options.key.find((text) => keysIn(text).length === 0)
  if (wrong !== undefined) {
    exitWith(UNKNOWN)
    throw new GatewayError(
      'CONFIG_INVALID',
      existsSync(wrong)
        ? 'the file that --key names contains no public Ed25519 key, in PEM or its 32 bytes in Base64'
        : '--key names no file, and is no public Ed25519 key itself, in PEM or its 32 bytes in Base64',
    )
  }
  const finish = (verdict: Verdict, lines: readonly string[]): void => {
    terminal.show?.()
    for (const line of lines) print(line)
    if (verdict.verdict === 'altered') exitWith(ALTERED)
    if (verdict.verdict === 'unknown') exitWith(UNKNOWN)
  }
  const earlier =
    options.earlier === undefined ? undefined : await verdictOn(options.earlier, terminal, { keys })
  if (earlier !== undefined && earlier.verdict !== 'verified')
    return finish(
      earlier,
      toLines(earlier, keys).map((line) => `The earlier file: ${line}`),
    )
  const verdict = await verdictOn(file, terminal, { keys, ...(earlier && { earlier }) })
  finish(verdict, toLines(verdict, keys))
}

async function verdictOn(
  file: string,
  terminal: Terminal,
  options: { readonly keys: readonly PublicKey[]; readonly earlier?: Verified },
): Promise<Verdict> {
  try {
    return await verifyEvidence(watched(splitLines(createReadStream(file)), terminal), options)
  } catch (error) {
    return { verdict: 'unknown', problem: `the file cannot be read (${(error as Error).message})` }
  }
}

/** Tells how far it is: a file of evidence may have any length. */
export async function* watched(
  lines: AsyncIterable<Buffer>,
  terminal: Pick<Terminal, 'show' | 'tell'>,
  now?: () => number,
): AsyncGenerator<Buffer> {
  const report = createProgress(terminal, now)
  let count = 0
  for await (const line of lines) {
    count++
    yield line
    report(() => `${count} lines checked`)
  }
}

/** Returns none for anything that is no key. */
function keysIn(text: string): readonly PublicKey[] {
  const key = readPublicKey(text)
  if (key !== undefined) return [key]
  try {
    if (statSync(text).size > MAX_KEY_BYTES) return []
    const content = readFileSync(text, 'utf8').trim()
    const listed = parseRecord(content)?.['keys']
    if (!Array.isArray(listed)) return [readPublicKey(content) ?? []].flat()
    return (listed as unknown[]).flatMap((one) => {
      const publicKey = isRecord(one) ? one['publicKey'] : undefined
      return (typeof publicKey === 'string' ? readPublicKey(publicKey) : undefined) ?? []
    })
  } catch {
    return []
  }
}

function toLines(verdict: Verdict, keys: readonly PublicKey[]): string[] {
  if (verdict.verdict !== 'verified') {
    const where = verdict.line === undefined ? '' : `, line ${verdict.line}`
    const result = verdict.verdict === 'altered' ? 'ALTERED' : 'NOT JUDGED'
    return [`${result}${where}: ${printable(verdict.problem)}.`]
  }
  const { head, header, key, given, agrees } = verdict
  const isKnown = keys.length > 0
  return [
    isKnown
      ? `VERIFIED: the file is as it was signed at ${shown(head['signedAt'])} with the key ${key.id}.`
      : `CONSISTENT: the file agrees with itself, and says that it was signed at ${shown(head['signedAt'])}, with the key ${key.id}.`,
    `Entries of the log of ${shown(header['room'])}: ${shown(head['entries'])}, of which ${shown(head['shown'])} with their content. App: ${shown(header['app'])}.`,
    ...askedFor(header),
    `Its last link: ${shown(head['last'])}. Note it: a later file must contain it.`,
    ...(agrees
      ? ['It agrees with the earlier file: the entry with which that one ends has the same link in both.']
      : []),
    ...given.map((sentence) => `Note: ${printable(sentence)}.`),
    isKnown
      ? 'The key is the one that you named.'
      : 'The key was taken from the file itself, so this only proves that the file agrees with itself: anyone can make such a file. Name the key that you know with --key.',
  ]
}

/** What the file leaves out is nobody's mistake, and must not look like all that there was. */
function askedFor({ filter }: Record<string, unknown>): string[] {
  const fields = Object.entries(isRecord(filter) ? filter : {})
  if (fields.length === 0) return []
  return [
    `It was asked for with ${fields.map(([name, value]) => `${printable(name)} ${shown(value)}`).join(', ')}.`,
  ]
}

/** What stands in a file may contain anything, and goes to a terminal: escape sequences, and lines that look like ours. */
const printable = (text: string): string =>
  text.replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const shown = (value: unknown): string => printable(JSON.stringify(value ?? null))
