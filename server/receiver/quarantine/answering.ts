import { GatewayError } from '../../../shared/errors.ts'
import type { EntryFilter, IndexedEntry } from './entry-index.ts'
import { decodeBody } from './quarantine.ts'
import type { QuarantineStore } from './quarantine-files.ts'
import { decodeQuestion } from './questions.ts'
import type { Answers, ListedEntry, Place, Question } from './questions.ts'
import type { createRetrying } from './retrying.ts'

/** An answer takes no more. No webhook is larger, but what is rotten may be a whole file. */
const MAX_SHOWN_BYTES = 512 * 1024
/** Dropped per question. */
const MAX_DROPS = 1_000

interface AnsweringDependencies {
  readonly quarantine: Pick<QuarantineStore, 'matching' | 'get' | 'read' | 'remove' | 'size' | 'bytes'>
  readonly retrying: ReturnType<typeof createRetrying>
}

/** Returns what answers questions about the quarantine in the data folder with this id. Rejects with GatewayErrors for the asker. */
export function createAnswering(folder: string, { quarantine, retrying }: AnsweringDependencies) {
  function list({ filter, order, after, limit }: Extract<Question, { ask: 'list' }>): Answers['list'] {
    const matching = quarantine.matching(filter)
    const toPlace = ({ quarantinedAtMs, id }: IndexedEntry): Place => ({ atMs: quarantinedAtMs, folder, id })
    const compare = (one: Place, other: Place): number => comparePlaces(order, one, other)
    const left = matching
      .filter((entry) => after === undefined || compare(after, toPlace(entry)) < 0)
      .toSorted((one, other) => compare(toPlace(one), toPlace(other)))
    return {
      entries: left.slice(0, limit).map(toListed),
      more: left.length > limit,
      matching: matching.length,
      held: quarantine.size(),
      heldBytes: quarantine.bytes(),
    }
  }

  function show(id: number): Answers['show'] {
    const entry = quarantine.get(id)
    const request = quarantine.read(id)
    if (entry === undefined || request === undefined) throw new GatewayError('NOT_IN_QUARANTINE')
    const { query, method, path, contentType } = request
    const body = decodeBody(request)
    return {
      ...toListed(entry),
      query,
      ...(method !== undefined && { method }),
      ...(path !== undefined && { path }),
      ...(contentType !== undefined && { contentType }),
      bodyBase64: body.subarray(0, MAX_SHOWN_BYTES).toString('base64'),
    }
  }

  async function drop(id: number): Promise<Answers['drop']> {
    if (quarantine.get(id) === undefined) throw new GatewayError('NOT_IN_QUARANTINE')
    await quarantine.remove([id])
    return { dropped: 1 }
  }

  async function dropMatching(filter: EntryFilter, afterId: number): Promise<Answers['drop-matching']> {
    const left = quarantine.matching(filter).filter(({ id }) => id > afterId)
    const dropped = left.slice(0, MAX_DROPS).map(({ id }) => id)
    await quarantine.remove(dropped)
    return {
      dropped: dropped.length,
      ...(left.length > dropped.length && { doneUntil: dropped.at(-1) ?? afterId }),
    }
  }

  async function answer(question: Question): Promise<Answers[keyof Answers]> {
    switch (question.ask) {
      case 'list':
        return list(question)
      case 'show':
        return show(question.id)
      case 'retry':
        return await retrying.retry(question.id)
      case 'drop':
        return await drop(question.id)
      case 'retry-matching':
        return await retrying.retryMatching(question.filter, question.afterId)
      case 'drop-matching':
        return await dropMatching(question.filter, question.afterId)
    }
  }

  return async (question: string): Promise<string> => JSON.stringify(await answer(decodeQuestion(question)))
}

/** Negative if the first comes before the other one in this order. */
export function comparePlaces(order: 'newest' | 'oldest', one: Place, other: Place): number {
  const byFolder = one.folder < other.folder ? -1 : Number(one.folder > other.folder)
  const oldestFirst = one.atMs - other.atMs || byFolder || one.id - other.id
  return order === 'oldest' ? oldestFirst : -oldestFirst
}

const toListed = ({
  id,
  kind,
  reason,
  receivedAtMs,
  quarantinedAtMs,
  command,
  bytes,
}: IndexedEntry): ListedEntry => ({
  id,
  kind,
  reason,
  receivedAtMs,
  quarantinedAtMs,
  ...(command !== undefined && { command }),
  bytes,
})
