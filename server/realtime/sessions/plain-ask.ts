import { isIdentifier } from '../../../shared/identifier.ts'
import type { Position } from '../../../shared/position.ts'
import type { SubscribeAsk } from '../../../shared/protocol.ts'

const EPOCH_AT_MOST = 64

/**
 * Whether a payload asks for a conversation in a form that is right beyond doubt, as nearly all do: when all sockets of a
 * lost node come at once, the check of the schema is a large part of what they cost. For any other payload the schema says
 * what it is, and what is wrong with it.
 */
export function isPlainAsk(payload: unknown): payload is SubscribeAsk {
  if (!isRecord(payload) || !hasOnly(payload, ['group', 'topic', 'since'])) return false
  const { group, topic, since } = payload
  return isText(group) && (topic === undefined || isText(topic)) && (since === undefined || isPosition(since))
}

function isPosition(value: unknown): value is Position {
  if (!isRecord(value) || !hasOnly(value, ['epoch', 'offset'])) return false
  const { epoch, offset } = value
  return (
    typeof epoch === 'string' &&
    epoch !== '' &&
    epoch.length <= EPOCH_AT_MOST &&
    typeof offset === 'number' &&
    Number.isSafeInteger(offset) &&
    offset >= 0
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): boolean => typeof value === 'string' && isIdentifier(value)

const hasOnly = (value: object, names: readonly string[]): boolean =>
  Object.keys(value).every((name) => names.includes(name))
