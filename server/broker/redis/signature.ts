import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Notice } from '../../../shared/notice.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { decodeEntry, unreadableVersion } from '../history.ts'
import type { LaterVersions } from './later-versions.ts'

/** `signature:subset:text`. A text of which only a part counts has zeros for a signature if nothing is signed. */
const SIGNED = /^([0-9a-f]{64}):([\d,]*):(.*)$/s

interface SignerOptions {
  /** The first key signs, all of them verify. Without keys nothing is signed and nothing verified. */
  readonly keys: readonly string[]
  readonly app: string
}

/** A text from Redis whose signature is valid, or that needs none. */
interface Verified {
  readonly text: string
  /** The parts of the text that count, as noted by the store; empty for all of them. */
  readonly subset: string
}

export type Signer = ReturnType<typeof createSigner>

/**
 * Signs everything stored in Redis with HMAC-SHA256, so that someone who can write there without a key cannot deceive the
 * gateway. `kind` enters the signature, which keeps texts of one kind from being passed off as another.
 */
export function createSigner(kind: string, { keys, app }: SignerOptions) {
  const [signingKey] = keys

  const digest = (key: string, text: string): Buffer =>
    createHmac('sha256', key).update(`recall-gateway\n${kind}\n${app}\n`).update(text).digest()

  /** Returns the signature in hexadecimal; empty when nothing is signed. */
  const signatureOf = (text: string): string =>
    signingKey === undefined ? '' : digest(signingKey, text).toString('hex')

  return {
    signatureOf,

    /** Returns the text as it is stored: after its signature, if there are keys. */
    sign(text: string): string {
      const signature = signatureOf(text)
      return signature === '' ? text : `${signature}::${text}`
    },

    /** Returns null unless the text was signed with one of the keys, or there are none. */
    verify(stored: string): Verified | null {
      const [, signature = '', subset = '', text] = SIGNED.exec(stored) ?? []
      if (signingKey === undefined)
        return text === undefined ? { text: stored, subset: '' } : { text, subset }
      if (text === undefined) return null
      const given = Buffer.from(signature, 'hex')
      return keys.some((key) => timingSafeEqual(given, digest(key, text))) ? { text, subset } : null
    },
  }
}

/** Returns the parts of what is stored of an entry, whoever wrote it there. */
export function withoutSignature(stored: string): Verified {
  const [, , subset = '', text = stored] = SIGNED.exec(stored) ?? []
  return { text, subset }
}

/** Decodes an entry in the log of a room, named as by `roomName`. Returns null if no gateway wrote it there. */
export type ReadEntry = (entry: string, offset: number, room: string) => Notice | null

/** Checks everything about an entry from Redis: its signature, its shape, and whether it belongs in this log. */
export function createReadEntry(signer: Signer, later?: LaterVersions): ReadEntry {
  return (entry, offset, room) => {
    const verified = signer.verify(entry)
    const notice = verified && decodeEntry(verified.text, offset)
    if (verified !== null && notice === null) {
      const version = unreadableVersion(verified.text)
      if (version !== undefined) later?.note(version, { room, offset })
    }
    if (notice === null || !roomsOf(notice).some((one) => isNamed(one, room))) return null
    return verified?.subset ? newMessagesOnly(notice, verified.subset) : notice
  }
}

function isNamed(room: Room, name: string): boolean {
  try {
    return roomName(room) === name
  } catch {
    return false
  }
}

/**
 * Leaves out the messages that were known when the recall was published: `subset` lists the indices of the others. The
 * entry is stored with all messages because its signature covers them.
 */
function newMessagesOnly(notice: Notice, subset: string): Notice | null {
  const indices = new Set(subset.split(',').map(Number))
  const messages = notice.messages.filter((_message, i) => indices.has(i))
  return messages.length === 0 ? null : { ...notice, messages }
}
