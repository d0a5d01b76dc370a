import type { Encoding } from './checked-value.ts'

/** The databases of the store, and how their values are written. */
export const DATABASES = {
  heads: 'json',
  entries: 'text',
  announcements: 'json',
  recalled: 'json',
  'recalled-sets': 'json',
  'group-ends': 'json',
} as const satisfies Readonly<Record<string, Encoding>>

export type DatabaseName = keyof typeof DATABASES
export const isDatabase = (name: string): name is DatabaseName => Object.hasOwn(DATABASES, name)
