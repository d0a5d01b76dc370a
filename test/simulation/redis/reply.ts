/**
 * What a command replies, before it is encoded: an integer, a bulk string, null, an array, or one of the classes below. Strings
 * are binary: one character stands for one byte.
 */
export type Reply = number | string | null | readonly Reply[] | Status | ErrorReply | Double | Pairs

/** A simple string, such as OK. */
export class Status {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** An error with its code, such as `ERR` or `WRONGTYPE`, in front. Thrown by commands. */
export class ErrorReply extends Error {}

export class Double {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/** Keys and values, flat: a map in RESP3, an array in RESP2. */
export class Pairs {
  readonly flat: readonly Reply[]

  constructor(flat: readonly Reply[]) {
    this.flat = flat
  }
}

export const OK = new Status('OK')

export const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
export const NOT_AN_INTEGER = 'ERR value is not an integer or out of range'
export const NOT_A_FLOAT = 'ERR value is not a valid float'
export const SYNTAX_ERROR = 'ERR syntax error'

export type Protocol = 2 | 3
