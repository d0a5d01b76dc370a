import type { Position } from '../position.ts'
import { isThenable } from './attempts.ts'

/**
 * Stores the client's position in each room. `room` is the name of the room, such as `group:lobby` or `feed`. Both methods may
 * return promises, for stores such as IndexedDB; each has 10 s. The client checks what `load` returns: undefined and null mean
 * that nothing is stored, and anything that is no position, or an error, is told as a gap (`position-unreadable`). Whatever
 * they throw goes to the `error` event.
 *
 * A position is stored once every listener of the room has handled what is before it. Saves of a room follow each other, the
 * latest counts, and the client loads what is stored before it saves, so that a position never moves back, unless the log
 * does, which the gateway tells as a gap: then it is stored in the epoch `gone` until that is dealt with. Clients with the
 * same store object wait for each other: the position is that of the slowest. Clients that share a storage in any other way,
 * such as tabs with `localStorage`, store the furthest: after a reload, a slower one has missed what it had not handled. Give
 * each its own `prefix`, or `sessionStorage`.
 */
export interface PositionStore {
  /** Returns what was saved last, or undefined. */
  load(room: string): Position | null | undefined | Promise<Position | null | undefined>
  /** Stores a position instead of the one before. */
  save(room: string, position: Position): unknown
}

/** Stores positions in memory, for as long as the client lives. */
export function memoryPositions(): PositionStore {
  const positions = new Map<string, Position>()
  return {
    load: (room) => positions.get(room),
    save: (room, position) => void positions.set(room, position),
  }
}

/** The part of `Storage`, and of React Native's `AsyncStorage`, that `storedPositions` uses. */
export interface TextStore {
  /** Returns what was set last, or null, or a promise of it. */
  getItem(key: string): string | null | Promise<string | null>
  /** Stores a text instead of the one before. May return a promise. */
  setItem(key: string, text: string): unknown
}

/**
 * Stores positions in `sessionStorage` (survives reloads of the tab), in `localStorage`, in React Native's `AsyncStorage`, or in
 * anything with the same two methods. Pages that a browser keeps from their storage throw when they merely name it; with a function
 * that returns it, such as `() => sessionStorage`, that is an `error`, and not the end of the page. `prefix` starts every key; give
 * each gateway, app, or tab its own if they share a storage.
 */
export function storedPositions(
  storage: TextStore | (() => TextStore),
  prefix = 'recall-gateway:',
): PositionStore {
  const open = (): TextStore => (typeof storage === 'function' ? storage() : storage)
  // Not checked: the client tells what is no position from nothing.
  const parse = (text: string | null): Position | null => JSON.parse(text ?? 'null') as Position | null
  return {
    load(room) {
      const text = open().getItem(prefix + room)
      return isThenable(text) ? text.then(parse) : parse(text)
    },
    save: (room, position) => open().setItem(prefix + room, JSON.stringify(position)),
  }
}
