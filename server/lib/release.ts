import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** Bounds of what a process says of itself in each heartbeat. */
const MAX_HOST_CHARACTERS = 64
const MAX_RELEASE_CHARACTERS = 32

/** The version of the gateway, by its manifest. Not that of what it writes, which is `VERSION`. */
export const RELEASE = readRelease()

function readRelease(): string {
  // Of the built file, which alone runs.
  const manifest = new URL('../../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
  return version.slice(0, MAX_RELEASE_CHARACTERS)
}

/** The name of the host or container. */
export const hostName = (): string => hostname().slice(0, MAX_HOST_CHARACTERS)
