import { parentPort, workerData } from 'node:worker_threads'
import { handshakeOf, openSocket, pings } from './socket-io-peer.ts'

// A peer that answers each ping in time, in a thread of its own: other tests block theirs for longer than a node waits.

interface Start {
  readonly port: number
  readonly token: string
}

/** What the peer tells once it is connected. */
export interface Connected {
  readonly pingInterval: number
}

/** What it tells for each message that it receives: what the node answered to a request now, after so many pings. */
export interface Answered {
  readonly pings: number
  readonly answer: string
}

const { port, token } = workerData as Start
const peer = await openSocket(port, token)
let answered = 0
setInterval(() => {
  for (; answered < pings(peer); answered++) peer.sendText('3')
}, 500)
parentPort?.on('message', () => {
  peer.sendText('42999["unsubscribe",{"group":"g"}]')
  void peer
    .text('an answer', (text) => text.startsWith('43999['))
    .then((answer) => parentPort?.postMessage({ pings: pings(peer), answer } satisfies Answered))
})
parentPort?.postMessage({ pingInterval: handshakeOf(peer).pingInterval } satisfies Connected)
