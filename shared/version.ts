/**
 * The version of everything that one process or client writes for another to read: the protocol, and entries in Redis. What
 * names no version is of version 1. A version is one higher than that of the last release as soon as it writes anything that
 * the last release does not. Files on disk have a format of their own, since going back must not be barred without need.
 */
export const VERSION = 2

/**
 * Two versions that follow each other run side by side during an update. So a version adds only what the one before can do
 * without, and what is newer by one can be read. What is newer still may mean anything.
 */
export const NEWEST_READABLE_VERSION = VERSION + 1

/** Returns the version that a text names; undefined if that is no version. */
export function versionIn(named: unknown): number | undefined {
  const version = named ?? 1
  return typeof version === 'number' && Number.isSafeInteger(version) && version > 0 ? version : undefined
}

/** Whether what names this version can be read. */
export const isReadableVersion = (named: unknown): boolean =>
  (versionIn(named) ?? Infinity) <= NEWEST_READABLE_VERSION
