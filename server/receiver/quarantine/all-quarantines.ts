import { asGatewayError, GatewayError } from '../../../shared/errors.ts'
import type {
  QuarantinedEntry,
  QuarantinedWhole,
  QuarantineReceiver,
  UnansweredReceiver,
} from '../../../shared/http-api/quarantine.ts'
import type { Broker } from '../../broker/broker.ts'
import { durationOf } from '../../lib/duration.ts'
import type { ReadHeartbeats } from '../../telemetry/heartbeat-reader.ts'
import { describeUnread, sortProcesses } from '../../telemetry/processes.ts'
import { comparePlaces } from './answering.ts'
import type { EntryFilter } from './entry-index.ts'
import { encodeBody } from './quarantine.ts'
import { decodeAnswer } from './questions.ts'
import type { Answers, ListedEntry, Order, Place, Question } from './questions.ts'

/** After so long no other receiver is asked. Each takes 2 s at most. */
const ASK_FOR_MS = 1_000

/** Who is asked under this name: whoever has the data folder. */
export const quarantineName = (folder: string): string => `quarantine:${folder}`

/** Stands for all receivers that are not known. */
const others = (why: string): UnansweredReceiver => ({ folder: 'others', answered: false, why })

interface AllQuarantinesDependencies {
  /** The data folder of this process. */
  readonly ownFolder: string | undefined
  readonly broker: Pick<Broker, 'ask'>
  readonly readHeartbeats: ReadHeartbeats
}

interface ListRequest {
  readonly filter: EntryFilter
  readonly order: Order
  readonly cursor?: string | undefined
  readonly limit: number
}

/** The quarantines of all receivers of the app, which are asked through the broker. Methods reject with GatewayErrors. */
export function createAllQuarantines({ ownFolder, broker, readHeartbeats }: AllQuarantinesDependencies) {
  async function ask<Ask extends Question['ask']>(
    folder: string,
    question: Question & { readonly ask: Ask },
  ): Promise<Answers[Ask]> {
    return decodeAnswer(question.ask, await broker.ask(quarantineName(folder), JSON.stringify(question)))
  }

  /** Returns the folders of receivers to ask, in order, and those that cannot be asked. */
  async function receivers(): Promise<{ folders: string[]; unanswered: UnansweredReceiver[] }> {
    const own = ownFolder === undefined ? [] : [ownFolder]
    const heartbeats = await readHeartbeats().catch((cause: unknown) => {
      if (ownFolder === undefined) throw cause
      return asGatewayError(cause)
    })
    if (heartbeats instanceof GatewayError)
      return { folders: own, unanswered: [others(`not known: ${heartbeats.message}`)] }
    const { alive, gone, unread } = sortProcesses(heartbeats, Date.now())
    const folders = new Set([...own, ...alive.flatMap(({ dataFolder }) => dataFolder ?? [])])
    const unanswered = gone
      .filter(
        ({ dataFolder, quarantined = 0 }) =>
          dataFolder !== undefined && !folders.has(dataFolder) && quarantined > 0,
      )
      .map(({ dataFolder = '', quarantined, reportedAtMs, stopping }): UnansweredReceiver => {
        const since = durationOf(Date.now() - reportedAtMs)
        const what = stopping ? `was stopped ${since} ago` : `has not reported for ${since}`
        return {
          folder: dataFolder,
          answered: false,
          why: `its process ${what}; its quarantine held ${quarantined}`,
        }
      })
    // Of what role they are, nobody knows.
    if (unread.length > 0) unanswered.push(others(describeUnread(unread)))
    return { folders: [...folders].toSorted(), unanswered }
  }

  async function listOne(folder: string, { filter, order, cursor, limit }: ListRequest) {
    const after = cursor === undefined ? undefined : placeIn(cursor)
    return { folder, ...(await ask(folder, { ask: 'list', filter, order, after, limit })) }
  }

  /** Asks one receiver after the other, from where the cursor says. Those that cannot be asked are named in their turn, once. */
  async function inTurn<Answer extends { readonly doneUntil?: number }>(
    cursor: string | undefined,
    askOne: (folder: string, afterId: number) => Promise<Answer>,
  ) {
    const from = cursor === undefined ? { folder: '', id: 0 } : entryIn(cursor)
    const known = await receivers()
    const unreachable = new Map(known.unanswered.map((receiver) => [receiver.folder, receiver]))
    const answers: Answer[] = []
    const unanswered: UnansweredReceiver[] = []
    const startMs = performance.now()
    for (const folder of [...known.folders, ...unreachable.keys()].toSorted()) {
      if (folder < from.folder) continue
      const gone = unreachable.get(folder)
      if (gone !== undefined) {
        unanswered.push(gone)
        continue
      }
      if (performance.now() - startMs > ASK_FOR_MS) return { answers, unanswered, cursor: `${folder}-0` }
      try {
        const answer = await askOne(folder, folder === from.folder ? from.id : 0)
        answers.push(answer)
        if (answer.doneUntil !== undefined)
          return { answers, unanswered, cursor: `${folder}-${answer.doneUntil}` }
      } catch (error) {
        unanswered.push(toUnanswered(folder, error))
      }
    }
    return { answers, unanswered }
  }

  return {
    /** Resolves to a page of entries, and says which receivers did not answer. */
    async list(request: ListRequest) {
      const { folders, unanswered } = await receivers()
      const asked = await Promise.all(
        folders.map((folder) =>
          listOne(folder, request).catch((error: unknown) => toUnanswered(folder, error)),
        ),
      )
      const lists = asked.flatMap((answer) => ('answered' in answer ? [] : [answer]))
      const found = lists
        .flatMap(({ folder, entries }) => entries.map((entry) => ({ folder, entry })))
        .toSorted((one, other) => comparePlaces(request.order, toPlace(one), toPlace(other)))
      const page = found.slice(0, request.limit)
      const last = page.at(-1)
      const hasMore = found.length > page.length || lists.some(({ more }) => more)
      return {
        entries: page.map(({ folder, entry }) => toEntry(folder, entry)),
        ...(last && hasMore && { cursor: cursorOf(toPlace(last)) }),
        receivers: [...asked.map(toReceiver), ...unanswered],
      }
    },

    async show(id: string): Promise<QuarantinedWhole> {
      const { folder, id: number } = entryIn(id)
      const { bodyBase64, query, method, path, contentType, ...entry } = await ask(folder, {
        ask: 'show',
        id: number,
      })
      return {
        ...toEntry(folder, entry),
        query,
        ...(method !== undefined && { method }),
        ...(path !== undefined && { path }),
        ...(contentType !== undefined && { contentType }),
        ...encodeBody(Buffer.from(bodyBase64, 'base64')),
      }
    },

    async retry(id: string): Promise<Answers['retry']> {
      const { folder, id: number } = entryIn(id)
      return await ask(folder, { ask: 'retry', id: number })
    },

    async drop(id: string): Promise<void> {
      const { folder, id: number } = entryIn(id)
      await ask(folder, { ask: 'drop', id: number })
    },

    async retryMatching(filter: EntryFilter, from?: string) {
      const { answers, ...rest } = await inTurn(from, (folder, afterId) =>
        ask(folder, { ask: 'retry-matching', filter, afterId }),
      )
      const sum = (of: 'accepted' | 'refused'): number => answers.reduce((all, answer) => all + answer[of], 0)
      return { accepted: sum('accepted'), refused: sum('refused'), ...rest }
    },

    async dropMatching(filter: EntryFilter, from?: string) {
      const { answers, ...rest } = await inTurn(from, (folder, afterId) =>
        ask(folder, { ask: 'drop-matching', filter, afterId }),
      )
      return { dropped: answers.reduce((all, { dropped }) => all + dropped, 0), ...rest }
    },
  }
}

const toEntry = (folder: string, { id, ...entry }: ListedEntry): QuarantinedEntry => ({
  id: `${folder}-${id}`,
  ...entry,
})

const toPlace = ({ folder, entry }: { readonly folder: string; readonly entry: ListedEntry }): Place => ({
  atMs: entry.quarantinedAtMs,
  folder,
  id: entry.id,
})

const toUnanswered = (folder: string, error: unknown): UnansweredReceiver => ({
  folder,
  answered: false,
  why: asGatewayError(error).message,
})

const toReceiver = (
  answer: UnansweredReceiver | (Answers['list'] & { readonly folder: string }),
): QuarantineReceiver =>
  'answered' in answer
    ? answer
    : {
        folder: answer.folder,
        answered: true,
        entries: answer.held,
        bytes: answer.heldBytes,
        matching: answer.matching,
      }

/** Parses `<folder>-<number>`. Throws NOT_IN_QUARANTINE. */
function entryIn(id: string): { readonly folder: string; readonly id: number } {
  const [, folder, number] = /^([0-9a-f-]{36})-(\d{1,15})$/.exec(id) ?? []
  if (folder === undefined || number === undefined) throw new GatewayError('NOT_IN_QUARANTINE')
  return { folder, id: Number(number) }
}

const cursorOf = ({ atMs, folder, id }: Place): string => `${atMs}.${folder}-${id}`

function placeIn(cursor: string): Place {
  const [, atMs, id = ''] = /^(\d{1,16})\.(.*)$/.exec(cursor) ?? []
  return { atMs: Number(atMs), ...entryIn(id) }
}
