// How long, and how much, every broker stores of what is not in `BrokerOptions`.

/** How long the position of a log is stored after its last use, in s: 30 days. */
export const POSITION_TTL_S = 30 * 86_400

/**
 * How long the position of a log that never had an entry is stored after its last use, in s: a day. Anyone who may
 * subscribe can create such positions, one for each possible name.
 */
export const UNUSED_POSITION_TTL_S = 86_400

/**
 * How long the end of a group is stored, in s, while nothing is recalled in the group that follows it: 30 days. Recalls from
 * before the end may still come from a spool.
 */
export const GROUP_END_TTL_S = 30 * 86_400

/** Announcements stored per subject, for processes that were disconnected or start later. */
export const MAX_ANNOUNCEMENTS = 1_000
/** How long announcements are stored, in s. */
export const ANNOUNCEMENTS_TTL_S = 86_400

/** Above this number, each heartbeat also removes those of processes that are gone, the oldest first. */
export const MAX_HEARTBEATS = 200
/** So many of these remain. */
export const MAX_GONE_HEARTBEATS = 50
