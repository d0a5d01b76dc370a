import type { RoomPresenceResponse, UserPresenceResponse } from '../../../shared/http-api/presence.ts'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker } from '../../broker/broker.ts'
import type { AskProcesses } from '../../telemetry/ask-processes.ts'
import type { OwnPresence } from './own-presence.ts'
import { decodeAnswer, decodeQuestion } from './questions.ts'
import type { Answers, Question } from './questions.ts'

/** Heads that are read for one answer, so that few bytes asked for cost no more than a page of notices. */
const MAX_HEADS = 200

interface Self {
  readonly id: string
  readonly host: string
}

interface PresenceDependencies {
  readonly self: Self
  readonly own: OwnPresence
  readonly broker: Pick<Broker, 'heads'>
  readonly askProcesses: AskProcesses
}

/** Who is connected to which node, and in which rooms. Methods never reject: nodes that did not answer are named. */
export interface Presence {
  /** With `room`, of the rooms of a connection only that one is listed, and the others are counted. */
  readonly ofUser: (
    userId: string,
    room?: Room,
  ) => Promise<Pick<UserPresenceResponse, 'nodes' | 'unanswered'>>
  readonly inRoom: (room: Room) => Promise<Pick<RoomPresenceResponse, 'nodes' | 'unanswered' | 'head'>>
}

/** Who is asked under this name. */
const nameOf = (id: string): string => `presence:${id}`

/** Answers the other nodes. Returns a function that stops it. */
export const answerPresence = (
  self: Self,
  own: OwnPresence,
  { onAsk }: Pick<Broker, 'onAsk'>,
): (() => void) =>
  onAsk(nameOf(self.id), async (text) => JSON.stringify(answer(self, own, decodeQuestion(text))))

function answer({ host }: Self, own: OwnPresence, question: Question): Answers[Question['ask']] {
  return question.ask === 'user'
    ? { host, ...own.ofUser(question.userId, question.room) }
    : { host, ...own.inRoom(question.room) }
}

/** Asks all nodes of the app; of this one's own connections it needs no broker. */
export function createPresence({ self, own, broker, askProcesses }: PresenceDependencies): Presence {
  async function askNodes<Ask extends Question['ask']>(question: Question & { readonly ask: Ask }) {
    const { answers, unanswered } = await askProcesses({
      // A receiver has no sockets.
      concerns: ({ role }) => role !== 'receiver',
      nameOf,
      question: JSON.stringify(question),
      decode: (text) => decodeAnswer(question.ask, text),
    })
    return { others: answers.map((one) => ({ id: one.id, ...one.answer })), unanswered }
  }

  /** Returns where logs end, by the name of the room; of none if the broker is away. */
  async function readHeads(rooms: readonly Room[]): Promise<ReadonlyMap<string, Position>> {
    const byName = new Map(rooms.map((room) => [roomName(room), room]))
    const wanted = [...byName].slice(0, MAX_HEADS)
    if (wanted.length === 0) return new Map()
    const heads = await broker
      .heads(
        wanted.map(([, room]) => room),
        { renews: false },
      )
      .catch(() => [])
    return new Map(heads.flatMap((head, i) => (wanted[i] === undefined ? [] : [[wanted[i][0], head]])))
  }

  return {
    async ofUser(userId, room) {
      const asked = askNodes({ ask: 'user', userId, room })
      const here = { id: self.id, host: self.host, ...own.ofUser(userId, room) }
      const { others, unanswered } = await asked
      const nodes = [here, ...others]
      const all = nodes.flatMap(({ connections }) => connections.flatMap(({ rooms }) => rooms))
      // After the positions, so that none is ahead of the log.
      const heads = await readHeads(all.map((one) => one.room))
      return {
        nodes: nodes.map(({ connections, ...node }) => ({
          ...node,
          connections: connections.map(({ rooms, ...connection }) => ({
            ...connection,
            rooms: rooms.map((one) => ({ ...one, ...headIn(heads, one.room) })),
          })),
        })),
        unanswered,
      }
    },

    async inRoom(room) {
      const asked = askNodes({ ask: 'room', room })
      const here = { id: self.id, host: self.host, ...own.inRoom(room) }
      const { others, unanswered } = await asked
      return { ...headIn(await readHeads([room]), room), nodes: [here, ...others], unanswered }
    },
  }
}

function headIn(heads: ReadonlyMap<string, Position>, room: Room): { readonly head?: Position } {
  const head = heads.get(roomName(room))
  return head === undefined ? {} : { head }
}
