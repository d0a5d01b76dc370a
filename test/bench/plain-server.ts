import { createServer } from 'node:http'
import express from 'express'
import { Redis } from 'ioredis'
import Joi from 'joi'
import { Server } from 'socket.io'

/**
 * The server that the gateway is compared with: from webhooks to Socket.IO rooms, with Redis between the nodes, as one
 * might write it in an afternoon. It authenticates nobody, stores nothing, and cannot replay missed notices.
 */

const CHANNEL = 'recalls'

interface RecallWebhook {
  readonly CallbackCommand: string
  readonly GroupId: string
  readonly TopicId?: string
  readonly Type?: string
  readonly Operator_Account?: string
  readonly MsgSeqList: readonly { readonly MsgSeq: number; readonly MsgId?: string }[]
  readonly EventTime: number
}

const recallSchema = Joi.object<RecallWebhook>({
  CallbackCommand: Joi.string().valid('Group.CallbackAfterRecallMsg').required(),
  GroupId: Joi.string().required(),
  TopicId: Joi.string(),
  Type: Joi.string(),
  Operator_Account: Joi.string(),
  MsgSeqList: Joi.array()
    .items(Joi.object({ MsgSeq: Joi.number().integer().required(), MsgId: Joi.string() }))
    .min(1)
    .required(),
  EventTime: Joi.number().required(),
}).unknown()

const roomOf = (group: string, topic?: string): string =>
  topic === undefined ? `group:${group}` : `topic:${topic}`

const redis = new Redis(process.env['REDIS_URL'] ?? '')
const subscriber = redis.duplicate()
const app = express()
const server = createServer(app)
const io = new Server(server, { transports: ['websocket'] })

app.use(express.json())
app.post('/webhook', async (request, response) => {
  const { value, error } = recallSchema.validate(request.body)
  if (error) {
    response.status(400).json({ ActionStatus: 'FAIL', ErrorCode: 1, ErrorInfo: error.message })
    return
  }
  const { GroupId: group, TopicId: topic, MsgSeqList: list, EventTime: recalledAtMs } = value
  const messages = list.map(({ MsgSeq: seq, MsgId: id }) => ({ seq, id }))
  await redis.publish(CHANNEL, JSON.stringify({ group, topic, messages, recalledAtMs }))
  response.json({ ActionStatus: 'OK', ErrorCode: 0, ErrorInfo: '' })
})

subscriber.on('message', (_channel, text) => {
  const notice = JSON.parse(text) as { group: string; topic?: string }
  io.to(roomOf(notice.group, notice.topic)).emit('messages-recalled', notice)
})

io.on('connection', (socket) => {
  socket.on('subscribe', (request: { group: string; topic?: string }, ack: (response: unknown) => void) => {
    void socket.join(roomOf(request.group, request.topic))
    ack({ ok: true })
  })
})

await subscriber.subscribe(CHANNEL)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : undefined)
})
process.on('disconnect', () => process.exit(0))
