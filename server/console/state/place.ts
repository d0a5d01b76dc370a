import { MAX_FILTER_LENGTH } from '../../../shared/filter.ts'
import { isIdentifier } from '../../../shared/identifier.ts'
import { parseInstant } from '../../../shared/instant.ts'
import { isPosition } from '../../../shared/position.ts'
import { parseRoomName, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'

const VIEW_NAMES = ['feed', 'rooms', 'history', 'health', 'quarantine', 'rings', 'access', 'test'] as const

export type ViewName = (typeof VIEW_NAMES)[number]

/** Longer ones are not read. A search of the greatest length has 9,000 characters here if each of its own becomes nine. */
const MAX_FRAGMENT_LENGTH = 16_000
/** For what is looked up: 50 keys of a usual length, or as many ranges. */
const MAX_NAMES_LENGTH = 4_000

/** A recall by its place in a log: `feed@<epoch>:<offset>`, with the room's name in front of the `@`. */
export interface RecallPlace {
  readonly room: Room
  readonly epoch: string
  readonly offset: number
}

/** How a part of an address is written. `parse` returns undefined for what it does not take; nothing is guessed. */
interface Part<T> {
  readonly parse: (text: string) => T | undefined
  readonly format: (value: T) => string
}

const textPart = (maxLength: number): Part<string> => ({
  parse: (value) => (value.length <= maxLength ? value : undefined),
  format: (value) => value,
})

const room: Part<Room> = { parse: parseRoomName, format: roomName }

const time: Part<number> = {
  parse: (value) => (value.endsWith('Z') ? parseInstant(value)?.startMs : undefined),
  format: (atMs) => new Date(atMs).toISOString(),
}

const user: Part<string> = {
  parse: (value) => (isIdentifier(value) ? value : undefined),
  format: (id) => id,
}

/** Of the quarantine: the id of a data folder, and a number. */
const entryId: Part<string> = {
  parse: (value) => (/^[\w-]{1,100}$/.test(value) ? value : undefined),
  format: (id) => id,
}

const recallPlace: Part<RecallPlace> = {
  parse(value) {
    const match = /^([^@]*)@(.*):(\d{1,16})$/s.exec(value)
    const inRoom = parseRoomName(match?.[1] ?? '')
    const position = { epoch: match?.[2] ?? '', offset: Number(match?.[3]) }
    if (inRoom === undefined || !isPosition(position) || position.offset === 0) return undefined
    return { room: inRoom, ...position }
  },
  format: ({ room: inRoom, epoch, offset }) => `${roomName(inRoom)}@${epoch}:${offset}`,
}

/**
 * What an address may name besides its view. A part says what is shown, never what is done: an address may come from anybody, so
 * nothing is sent, stored or changed because of one.
 */
const PARTS = {
  /** A search, in the language of `shared/filter.ts`. */
  q: textPart(MAX_FILTER_LENGTH),
  /** The recall that is open. */
  open: recallPlace,
  /** The room that a view is about. */
  room,
  /** The user that a view is about. */
  user,
  /** The messages that are looked up: ranges of `MsgSeq`, or each `MsgKey`, separated by commas. */
  names: textPart(MAX_NAMES_LENGTH),
  /** The conversation whose log a member reads, and since when it was recalled, in ms since 1970. */
  log: room,
  since: time,
  /** The entry of the quarantine that is open. */
  entry: entryId,
}

type PartName = keyof typeof PARTS

type ValueOf<P> = P extends Part<infer T> ? T : never

/** The parts of one address. */
export type Parts = { readonly [Name in PartName]?: ValueOf<(typeof PARTS)[Name]> }

/** Changes of parts: undefined removes one. */
export type PartChanges = { readonly [Name in PartName]?: Parts[Name] | undefined }

/** What is wrong with an address. */
export interface AddressProblem {
  readonly kind: 'view' | 'part' | 'value' | 'twice' | 'length'
  /** The text that is wrong, at most 200 characters of it. */
  readonly text: string
}

/** What the page shows: a view, and its parts. It is read from the fragment of the address, `#<view>?<part>=<value>&…`. */
export interface Place {
  /** Undefined if the address names none. */
  readonly view: ViewName | undefined
  readonly parts: Parts
  readonly problems: readonly AddressProblem[]
}

/** Reads a fragment, without its `#`. What is wrong with it is left out, and said. */
export function parseFragment(fragment: string): Place {
  const problems: AddressProblem[] = []
  const say = (kind: AddressProblem['kind'], text: string): void => {
    problems.push({ kind, text: text.slice(0, 200) })
  }
  if (fragment.length > MAX_FRAGMENT_LENGTH) {
    say('length', fragment)
    return { view: undefined, parts: {}, problems }
  }
  const [name = '', ...rest] = fragment.split('?')
  const view = VIEW_NAMES.find((one) => one === name)
  if (view === undefined && name !== '') say('view', name)
  const parts: Record<string, unknown> = {}
  for (const [part, text] of new URLSearchParams(rest.join('?'))) {
    if (!isPartName(part)) say('part', part)
    else if (part in parts) say('twice', part)
    else {
      const value = PARTS[part].parse(text)
      if (value === undefined) say('value', `${part}=${text}`)
      else parts[part] = value
    }
  }
  return { view, parts, problems }
}

/** Returns the fragment of a place, without its `#`. Parts that are empty are left out. */
export function formatFragment(view: ViewName, parts: Parts = {}): string {
  const texts = Object.entries(PARTS).flatMap(([name, part]) => {
    const value = (parts as Readonly<Record<string, unknown>>)[name]
    const text = value === undefined ? '' : (part.format as (value: unknown) => string)(value)
    return text === '' ? [] : `${name}=${encode(text)}`
  })
  return texts.length === 0 ? view : withPlainEnd(`${view}?${texts.join('&')}`)
}

const isPartName = (name: string): name is PartName => Object.hasOwn(PARTS, name)

/**
 * As readable as an address can be. What is half a character, and cannot be in one, becomes the mark for that. Without what chats take for
 * the end of an address, or for their own marks.
 */
const encode = (text: string): string =>
  encodeURIComponent(text.replaceAll(/\p{Cs}/gu, '\uFFFD'))
    .replaceAll('%20', '+')
    .replaceAll(/%(?:3A|40|2C|2F|3E|3D)/g, decodeURIComponent)
    .replaceAll(/[!'()*]/g, escaped)

/** Chats, mails and documents take a sign at the end for one of the sentence around the address. */
const withPlainEnd = (fragment: string): string =>
  fragment.replace(/\+$/, '%20').replace(/[^A-Za-z0-9]$/, escaped)

const escaped = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
