import { expect } from 'chai'
import type { PositionStore, Position, RecallClient } from '../../shared/client.ts'
import { adminToken } from './client.ts'
import { cleanUpAfterEach } from './clean-up.ts'
import { startGatewayProcess } from './gateway-process.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { fixRandom } from './random.ts'
import { openClient, recordingStore } from './recall-client.ts'
import { postWebhook, recallBody } from './webhook.ts'

let groups = 0

/** A room of its own on a running gateway, with so many recalls, and a store that is before the first. */
export async function createRecallRoom(
  url: string,
  onCleanUp: (cleanUp: () => unknown) => void,
  recalls = 0,
) {
  const room = { group: `g${++groups}` }
  const position = async (): Promise<Position> => {
    const headers = { authorization: `Bearer ${await adminToken()}` }
    const response = await fetch(`${url}/v1/position?group=${room.group}`, { headers })
    return ((await response.json()) as { readonly position: Position }).position
  }
  const recall = async (seq: number): Promise<void> => {
    const body = recallBody({ GroupId: room.group, MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(url, { body })).status).to.equal(200)
  }
  const first = await position()
  for (let seq = 1; seq <= recalls; seq++) await recall(seq)
  const store = recordingStore(first)
  const open = (positions: PositionStore = store.open()): RecallClient => {
    const client = openClient(url, { positions })
    onCleanUp(() => client.close())
    return client
  }
  return { room, position, recall, first, store, open }
}

/**
 * Starts a gateway with logs of ten notices for the tests of a `describe`, and returns what makes a room on it for one of them. Call it inside `describe`.
 */
export function serveRecallRooms() {
  const onCleanUp = cleanUpAfterEach()
  // With little jitter, retries are almost immediate.
  fixRandom(0.02)
  let gateway: GatewayProcess
  before(async () => {
    gateway = await startGatewayProcess({ HISTORY_SIZE: '10' })
  })
  after(() => gateway.stop())
  return (recalls?: number) => createRecallRoom(gateway.url, onCleanUp, recalls)
}
