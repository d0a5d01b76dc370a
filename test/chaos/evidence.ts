import { Readable } from 'node:stream'
import { readEvidenceKey } from '../../server/lib/evidence-keys.ts'
import { splitLines } from '../../server/evidence/split-lines.ts'
import { verifyEvidence } from '../../server/evidence/verify.ts'
import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { adminToken } from '../support/client.ts'

/** What all gateways sign evidence with: a private key of Ed25519. */
export const EVIDENCE_KEY = Buffer.alloc(32, 5).toString('base64')

/** Takes a file of evidence about a room, and checks it as `recall-gateway verify` does. Resolves to what is wrong with it, if anything. */
export async function evidenceProblem(url: string, room: Room): Promise<string | undefined> {
  const query = new URLSearchParams(isFeed(room) ? { feed: 'true' } : { group: room.group ?? '' }).toString()
  const headers = { authorization: `Bearer ${await adminToken()}` }
  const response = await fetch(`${url}/v1/evidence?${query}`, { headers })
  const text = await response.text()
  if (response.status !== 200) return `no evidence (${response.status})`
  const keys = [readEvidenceKey(EVIDENCE_KEY)]
  const verdict = await verifyEvidence(splitLines(Readable.from([text])), { keys })
  if (verdict.verdict !== 'verified') return `the evidence is ${verdict.verdict}: ${verdict.problem}`
  const { complete, entries } = verdict.head
  return complete === true && Number(entries) > 0 ? undefined : `the evidence has ${String(entries)} entries`
}
