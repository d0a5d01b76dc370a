import type { ProcessState } from '../http-api.ts'

/** A setting of one process, as it is in effect there. */
export interface EffectiveSetting {
  readonly name: string
  /**
   * As it would be written in the environment; null if it is not set. Of a secret, `set`; of a URL, without what may be secret in it.
   */
  readonly value: string | null
  /** `file`: of a secret, or of credentials that `start --dev` has stored. */
  readonly origin: 'default' | 'environment' | 'file'
}

/** What one process runs with. */
export interface ProcessConfiguration {
  readonly id: string
  readonly host: string
  readonly role: ProcessState['role']
  readonly version: string
  /** Of Node.js, such as `v20.19.0`. */
  readonly node: string
  readonly settings: readonly EffectiveSetting[]
}

/** `GET /v1/configuration`. */
export interface ConfigurationResponse {
  readonly ok: true
  /** The one that responded comes first. */
  readonly processes: readonly ProcessConfiguration[]
  /**
   * Settings that differ between processes, although they should not; also secrets, whose values are compared and not told, where
   * processes have a REDIS_SIGNING_KEY or a JWT_SECRET in common. Without those that each process has of its own, such as `PORT`.
   */
  readonly differences: readonly string[]
  /**
   * Processes that did not say, such as those of an earlier version or those that report no longer, and why, in words for people.
   * `others` stands for all that are not known.
   */
  readonly unanswered: readonly { readonly id: string; readonly host?: string; readonly why: string }[]
}
