/** `critical`: recalls are lost or not told now, or will be. `warning`: somebody should look at it. `info`: good to know. */
export type Severity = 'critical' | 'warning' | 'info' | 'ok'

/** What the doctor found about one thing that it looked at. Its texts hold no secrets. */
export interface Finding {
  /** Such as `redis-eviction`; `commands.md` lists them. Several findings can have one. */
  readonly id: string
  readonly severity: Severity
  /** What was looked at. */
  readonly title: string
  /** What was found, for people. */
  readonly found: string
  /** What to do about it. Missing if there is nothing to do. */
  readonly fix?: string
  /** Where more is said about it: a file of the project, and a heading, such as `server/docs/redis.md#permissions`. */
  readonly document: string
}

/** `GET /v1/doctor`. */
export interface DoctorResponse {
  readonly ok: true
  /** The worst first. */
  readonly findings: readonly ProcessFinding[]
  /** Processes that did not say what they found. `others` stands for all that are not known. */
  readonly unanswered: readonly { readonly process: string; readonly host?: string; readonly why: string }[]
  /** This request, as the gateway saw it. */
  readonly seen: RequestSeen
}

export type ProcessFinding = Finding & {
  /** The id of the process that found it. */
  readonly process: string
}

/** What one or more processes found alike. */
export interface FindingOfProcesses {
  readonly finding: ProcessFinding
  readonly processes: readonly string[]
}

/** Returns findings in their order, each once: what several processes find is told once for all of them. */
export function joinFindings(findings: readonly ProcessFinding[]): readonly FindingOfProcesses[] {
  const joined = new Map<string, { readonly finding: ProcessFinding; readonly processes: string[] }>()
  for (const finding of findings) {
    const key = JSON.stringify([finding.id, finding.severity, finding.found, finding.fix])
    const alike = joined.get(key) ?? { finding, processes: [] }
    alike.processes.push(finding.process)
    joined.set(key, alike)
  }
  return [...joined.values()]
}

/** Where a request came from, as the gateway sees it. */
export interface RequestSeen {
  /** Of the client, by which limits are counted. */
  readonly address: string
  /** Whether whoever opened the connection is in TRUST_PROXY. */
  readonly throughTrustedProxy: boolean
  /** Whether somebody wrote X-Forwarded-For. */
  readonly forwarded: boolean
}
