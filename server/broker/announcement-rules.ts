/** Announcements that are kept for processes that were away or start later. */
export const ANNOUNCEMENTS_AT_MOST = 1_000
/** How long, in s. */
export const ANNOUNCEMENTS_TTL_S = 86_400
