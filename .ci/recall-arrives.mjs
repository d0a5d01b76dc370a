// Follows the instructions that `npm start` printed to the given file: connects a plain client with the token in the link,
// sends one recall with the printed command and one signed here, and waits until both arrive.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { io } from 'socket.io-client'

const printed = readFileSync(process.argv[2], 'utf8')
const [, url, token] = /Open\s+(\S+)\/#token=(\S+)/.exec(printed)
const [, command] = /then send\s+(.+)/.exec(printed)
const { SDK_APP_ID, WEBHOOK_TOKEN } = JSON.parse(readFileSync('data/dev-credentials.json', 'utf8'))
const missing = new Set([130, 131, 7])

setTimeout(() => {
  console.error(`these messages did not arrive: ${[...missing].join(', ')}`)
  process.exit(1)
}, 20_000)

const socket = io(url, { auth: { token }, transports: ['websocket'] })
socket.on('messages-recalled', ({ notices }) => {
  for (const { messages } of notices) for (const { seq } of messages) missing.delete(seq)
  if (missing.size === 0) process.exit(0)
})
const response = await socket.timeout(10_000).emitWithAck('subscribe', { group: 'lobby' })
if (!response.ok) throw new Error(`the subscription was refused: ${response.message}`)
execFileSync('sh', ['-c', command], { stdio: 'inherit' })
await post(7)

/** Posts a recall as the provider documents it. */
async function post(seq) {
  const time = String(Math.floor(Date.now() / 1_000))
  const query = new URLSearchParams({
    SdkAppid: SDK_APP_ID,
    CallbackCommand: 'Group.CallbackAfterRecallMsg',
    contenttype: 'json',
    Sign: createHash('sha256')
      .update(WEBHOOK_TOKEN + time)
      .digest('hex'),
    RequestTime: time,
  })
  const body = JSON.stringify({
    CallbackCommand: 'Group.CallbackAfterRecallMsg',
    Operator_Account: 'admin',
    Type: 'Public',
    GroupId: 'lobby',
    MsgSeqList: [{ MsgSeq: seq }],
    EventTime: Date.now(),
  })
  const { status } = await fetch(`${url}/webhook?${query}`, { method: 'POST', body })
  if (status !== 200) throw new Error(`the status of the webhook response was ${status}`)
}
