import { createReadStream, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { readPublicKey } from '../evidence/keys.ts'
import type { PublicKey } from '../evidence/keys.ts'
import { splitLines } from '../evidence/split-lines.ts'
import { verifyEvidence } from '../evidence/verify.ts'
import type { Verdict } from '../evidence/verify.ts'
import type { Terminal } from './command.ts'

/** Exit codes. */
const [ALTERED, UNKNOWN] = [1, 2]

interface VerifyOptions {
  readonly key?: string
}

export function addVerify(program: Command, terminal: Terminal): void {
  program
    .command('verify')
    .description(
      'check a file of evidence: exit code 0 if it is unchanged, 1 if it is not, 2 if that cannot be told',
    )
    .argument('<file>', 'what GET /v1/evidence returned')
    .option('--key <key>', 'the public key that GET /v1/evidence-key told before, or a file that contains it')
    .action((file: string, options: VerifyOptions) => verify(file, options, terminal))
}

async function verify(file: string, options: VerifyOptions, { print, exitWith }: Terminal): Promise<void> {
  const key = options.key === undefined ? undefined : keyIn(options.key)
  if (key === null) {
    exitWith(UNKNOWN)
    throw new GatewayError(
      'CONFIG_INVALID',
      '--key must be a public Ed25519 key, in PEM or its 32 bytes in Base64, or a file that contains one',
    )
  }
  const verdict = await verdictOn(file, key)
  for (const line of toLines(verdict, key !== undefined)) print(line)
  if (verdict.verdict === 'altered') exitWith(ALTERED)
  if (verdict.verdict === 'unknown') exitWith(UNKNOWN)
}

async function verdictOn(file: string, key: PublicKey | undefined): Promise<Verdict> {
  try {
    return await verifyEvidence(splitLines(createReadStream(file)), key)
  } catch (error) {
    return { verdict: 'unknown', problem: `the file cannot be read (${(error as Error).message})` }
  }
}

/** Returns null for anything that is no key. */
function keyIn(text: string): PublicKey | null {
  const key = readPublicKey(text)
  if (key !== undefined) return key
  try {
    return readPublicKey(readFileSync(text, 'utf8').trim()) ?? null
  } catch {
    return null
  }
}

function toLines(verdict: Verdict, isKeyGiven: boolean): string[] {
  if (verdict.verdict !== 'verified') {
    const where = verdict.line === undefined ? '' : `, line ${verdict.line}`
    const result = verdict.verdict === 'altered' ? 'ALTERED' : 'NOT JUDGED'
    return [`${result}${where}: ${printable(verdict.problem)}.`]
  }
  const { head, header, key, given } = verdict
  return [
    `VERIFIED: the file is as it was signed at ${shown(head['signedAt'])} with the key ${key.id}.`,
    `Entries of the log of ${shown(header['room'])}: ${shown(head['entries'])}, of which ${shown(head['shown'])} with their content. App: ${shown(header['app'])}.`,
    `Its last link: ${shown(head['last'])}. Note it: a later file must contain it.`,
    ...given.map((sentence) => `Note: ${printable(sentence)}.`),
    isKeyGiven
      ? 'The key is the one that you named.'
      : 'The key was taken from the file itself, so this only proves that the file agrees with itself: name the key that you know with --key.',
  ]
}

/** What stands in a file may contain anything, and goes to a terminal: escape sequences, and lines that look like ours. */
const printable = (text: string): string =>
  text.replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const shown = (value: unknown): string => printable(JSON.stringify(value ?? null))
