/**
 * The filter language: what a moderator types into the search box, saves, rings for, searches, and exports.
 * `server/docs/searching.md` describes it.
 */
export { quote as quoteValue } from './filter/characters.ts'
export { formatFilter } from './filter/format.ts'
export { matches } from './filter/matches.ts'
export { FILTER_PROBLEMS, MAX_FILTER_LENGTH, parseFilter } from './filter/parse.ts'
export type { ParsedFilter } from './filter/parse.ts'
export type { Filter } from './filter/term.ts'
