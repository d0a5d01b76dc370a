import type { AuditEntry, AuditResponse } from '../../../shared/http-api/audit.ts'
import type { ListedRevocation } from '../../../shared/http-api/revocations.ts'
import { asApiError } from './api.ts'
import type { Api, ApiError } from './api.ts'

/** As many as a person looks through. */
const MAX_ENTRIES = 2_000
const PAGE_SIZE = 50

/** Who is taken out, and what admins did, as of when it was read. */
export class Access {
  /** Undefined until it was read. */
  revocations: readonly ListedRevocation[] | undefined
  /** How many more there are. */
  omitted = 0
  /** Newest first. */
  entries: readonly AuditEntry[] | undefined
  /** Where the audit goes on; undefined at its end. */
  cursor: string | undefined
  /** How many further records of what was read nobody can read. */
  unreadable = 0
  /** When the revocations were read, by the gateway's clock. */
  readAtMs: number | undefined
  isReading = false
  failure: ApiError | undefined
  auditFailure: ApiError | undefined
  /** What became of giving access back. */
  outcome: { readonly userId: string; readonly returned: number; readonly failure?: ApiError } | undefined
  readonly #api: Api
  readonly #onChange: () => void
  #reads = 0

  constructor(api: Api, onChange: () => void) {
    this.#api = api
    this.#onChange = onChange
  }

  /** Reads both again. What is shown stays until the answer, and if there is none. */
  async read(): Promise<void> {
    const id = ++this.#reads
    this.isReading = true
    this.#onChange()
    const [revocations, audit] = await Promise.all([
      this.#api.revocations().catch(asApiError),
      this.#api.audit({ limit: PAGE_SIZE }).catch(asApiError),
    ])
    if (id !== this.#reads) return
    this.isReading = false
    this.failure = 'revocations' in revocations ? undefined : revocations
    this.auditFailure = 'entries' in audit ? undefined : audit
    if ('revocations' in revocations) {
      this.readAtMs = this.#api.clock.fromViewer(Date.now())
      this.revocations = revocations.revocations
      this.omitted = revocations.omitted ?? 0
    }
    if ('entries' in audit) this.#show(audit, [])
    this.#onChange()
  }

  async readOlder(): Promise<void> {
    const { cursor, entries = [] } = this
    if (cursor === undefined || this.isReading) return
    const id = ++this.#reads
    this.isReading = true
    this.#onChange()
    const audit = await this.#api.audit({ limit: PAGE_SIZE, before: cursor }).catch(asApiError)
    if (id !== this.#reads) return
    this.isReading = false
    this.auditFailure = 'entries' in audit ? undefined : audit
    if ('entries' in audit) this.#show(audit, entries)
    this.#onChange()
  }

  async giveBack(revocation: ListedRevocation): Promise<void> {
    const { userId } = revocation
    const response = await this.#api.giveBack(revocation).catch(asApiError)
    this.outcome =
      'returned' in response
        ? { userId, returned: response.returned }
        : { userId, returned: 0, failure: response }
    await this.read()
  }

  #show({ entries, unreadable = 0, cursor }: AuditResponse, before: readonly AuditEntry[]): void {
    this.unreadable = before.length === 0 ? unreadable : this.unreadable + unreadable
    this.entries = [...before, ...entries].slice(0, MAX_ENTRIES)
    this.cursor = this.entries.length < MAX_ENTRIES ? cursor : undefined
  }
}
