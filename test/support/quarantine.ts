import type {
  QuarantinedEntryResponse,
  QuarantineDropResponse,
  QuarantineResponse,
  QuarantineRetriesResponse,
} from '../../shared/http-api/quarantine.ts'
import { openQuarantine } from '../../server/receiver/quarantine/quarantine-files.ts'
import type { Quarantine } from '../../server/receiver/quarantine/quarantine.ts'
import { adminToken } from './client.ts'
import { APP } from './gateway-process.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { recallBody } from './webhook.ts'

/** Returns a webhook of the quarantine that tells of a recall, unless the body is another one. */
export const quarantinedRecall = (seq: number, reason = 'was refused', body?: string) => ({
  receivedAtMs: 1_700_000_000_000 + seq,
  query: `SdkAppid=${APP}&CallbackCommand=Group.CallbackAfterRecallMsg&contenttype=json`,
  body: body ?? JSON.stringify(recallBody({ GroupId: 'lobby', MsgSeqList: [{ MsgSeq: seq }] })),
  reason,
})

/** Returns a data folder with a quarantine that `fill` has filled. */
export async function folderWithQuarantine(fill: (quarantine: Quarantine) => Promise<unknown>) {
  const folder = temporaryFolder()
  const quarantine = await openQuarantine({ dataDir: folder.path })
  await fill(quarantine)
  await quarantine.close()
  return folder
}

interface Responses {
  'GET ': QuarantineResponse
  'GET id': QuarantinedEntryResponse
  'POST retry': QuarantineRetriesResponse
  'DELETE ': QuarantineDropResponse
}

/** Sends a request for the quarantine as an admin. Resolves to status and body. */
export async function quarantineRequest<Kind extends keyof Responses>(
  url: string,
  method: string,
  path = '',
  token?: string,
): Promise<{ readonly status: number; readonly body: Responses[Kind] & { readonly code?: string } }> {
  const response = await fetch(`${url}/v1/quarantine${path}`, {
    method,
    headers: { Authorization: `Bearer ${token ?? (await adminToken())}` },
  })
  return { status: response.status, body: (await response.json()) as never }
}
