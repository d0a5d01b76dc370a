import { expect } from 'chai'
import fc from 'fast-check'
import { createKeys } from '../../server/broker/redis/keys.ts'
import { decodeEntry, encodeEntry, joinEntry } from '../../server/broker/history.ts'
import { parseRecalled, parseRoom, parseSubscribe } from '../../server/realtime/sessions/requests.ts'
import { RECALL_COMMANDS } from '../../server/receiver/commands/recall-commands.ts'
import { toRecalls } from '../../server/receiver/recalls.ts'
import { conversationOf } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import { nameOf } from '../../shared/message.ts'
import type { MessageName } from '../../shared/message.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import type { Recall } from '../../shared/recall.ts'
import { FEED, isFeed, roomName, roomsOf } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { json, mutated, text } from '../support/hostile-values.ts'
import { ALL_RECALL_SAMPLES } from '../support/provider-samples.ts'

const RECEIVED = { receivedAtMs: 1_700_000_000_000, platform: undefined, address: undefined }

const room: fc.Arbitrary<Room> = fc.oneof(
  fc.constant(FEED),
  fc.record({ group: text }),
  fc.record({ group: text, topic: text }),
)

/** Parses a room name. */
function roomOf(name: string): Room {
  const [kind, group = '', topic = ''] = name.split(':')
  if (kind === 'feed') return FEED
  return kind === 'group'
    ? { group: decodeURIComponent(group) }
    : { group: decodeURIComponent(group), topic: decodeURIComponent(topic) }
}

describe('the name of any room', () => {
  it('identifies the room, so that no two rooms share a name', () => {
    const property = fc.property(room, (one) => {
      expect(roomOf(roomName(one))).to.deep.equal(one)
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('has no characters special to Redis, and can be recovered from its channel', () => {
    const keys = createKeys('prefix', '14')
    const property = fc.property(room, (one) => {
      const name = roomName(one)
      expect(name).to.match(/^[\w.!~'()%:-]+$/)
      expect(keys.roomOfChannel(keys.channel(name))).to.equal(name)
    })
    fc.assert(property, { numRuns: 300 })
  })
})

/** Returns the parsed value, or undefined if it was refused with this code. */
function parsedOrRefused<T>(code: ErrorCode, parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    expect(error.code).to.equal(code)
    return undefined
  }
}

function identifiersIn(conversation: Conversation): string[] {
  const { group, topic, c2c, official } = conversationOf(conversation)
  return [group, topic, ...(c2c ?? []), official].filter((part) => part !== undefined)
}

function expectValid(recall: Recall): void {
  const { messages, recalledAtMs } = recall
  expect(identifiersIn(recall).every(isIdentifier)).to.equal(true)
  const names = messages.map(nameOf)
  expect(names).to.not.be.empty
  expect(new Set(names).size).to.equal(names.length)
  const isName = (name: MessageName): boolean =>
    typeof name === 'string' ? isIdentifier(name) : Number.isSafeInteger(name) && name > 0
  expect(names.every(isName)).to.equal(true)
  expect(new Date(recalledAtMs).getTime()).to.equal(recalledAtMs)
  expect(recall.untimed === true).to.equal(recalledAtMs === RECEIVED.receivedAtMs)
  for (const name of roomsOf(recall).map(roomName)) expect(name).to.not.equal('')
  const entry = encodeEntry(recall)
  expect(decodeEntry(joinEntry(entry, entry.messages), 1)).to.deep.equal({ ...recall, offset: 1 })
}

describe('the parser of webhooks', () => {
  const bodies = [json, ...Object.values(ALL_RECALL_SAMPLES).map(mutated)]

  it('turns any JSON into a recall that can be stored and delivered, or refuses it with its code', () => {
    let accepted = 0
    const property = fc.property(
      fc.oneof(...bodies),
      fc.constantFrom(...RECALL_COMMANDS),
      (body, command) => {
        // Anything else than an object is refused before.
        if (!isRecord(body)) return
        const understood = parsedOrRefused('WEBHOOK_MALFORMED', () => toRecalls(command, body, RECEIVED))
        if (understood === undefined) return
        accepted++
        understood.recalls.forEach(expectValid)
      },
    )
    fc.assert(property, { numRuns: 1_500 })
    // Otherwise a parser that refuses everything would pass.
    expect(accepted).to.be.greaterThan(50)
  })
})

describe('the parser of socket requests', () => {
  const bodies = [
    json,
    mutated({ group: 'g', topic: 't', since: { epoch: 'e', offset: 3 } }),
    mutated({ group: 'g', seqs: [1, 2] }),
    mutated({ c2c: ['bob', 'alice'], since: { epoch: 'e', offset: 3 } }),
    mutated({ c2c: ['alice', 'bob'], keys: ['1_2_3'] }),
    mutated({ official: 'o', keys: ['1_2_3', 'ended'] }),
    mutated({ feed: true }),
  ]

  it('turns any JSON into a room that has a name, or refuses it with its code', () => {
    let accepted = 0
    const property = fc.property(fc.oneof(...bodies), (body) => {
      const subscribe = parsedOrRefused('REQUEST_MALFORMED', () => parseSubscribe(body))
      const unsubscribe = parsedOrRefused('REQUEST_MALFORMED', () => parseRoom(body))
      const recalled = parsedOrRefused('REQUEST_MALFORMED', () => parseRecalled(body))
      for (const requested of [subscribe, unsubscribe, recalled]) {
        if (requested === undefined) continue
        accepted++
        expect(roomName(requested)).to.not.equal('')
        if (isFeed(requested)) continue
        expect(identifiersIn(requested).every(isIdentifier)).to.equal(true)
        const { c2c } = requested
        if (c2c !== undefined) expect(c2c).to.deep.equal(c2c.toSorted()).and.have.lengthOf(2)
      }
      const since = subscribe?.since
      if (since !== undefined) {
        expect(since.epoch).to.be.a('string').that.is.not.empty
        expect(Number.isSafeInteger(since.offset) && since.offset >= 0).to.equal(true)
      }
      expect(recalled?.seqs?.every((seq) => Number.isSafeInteger(seq) && seq > 0)).to.not.equal(false)
      expect(recalled?.keys?.every(isIdentifier)).to.not.equal(false)
    })
    fc.assert(property, { numRuns: 1_500 })
    expect(accepted).to.be.greaterThan(50)
  })
})
