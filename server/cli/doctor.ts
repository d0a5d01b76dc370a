import type { Command } from 'commander'
import { asGatewayError, detailOf } from '../../shared/errors.ts'
import type { StatusResponse } from '../../shared/http-api.ts'
import type { DoctorResponse, ProcessFinding } from '../../shared/http-api/doctor.ts'
import { withDevCredentials } from '../config/environment.ts'
import { SECRET_SETTINGS } from '../config/secrets.ts'
import { DEFAULT_DATA_DIR } from '../config/settings.ts'
import type { Config, Environment } from '../config/settings.ts'
import { isFolderInUse } from '../doctor/data-folder.ts'
import { critical, info, ok, warning, worstFirst } from '../doctor/finding.ts'
import type { Finding } from '../doctor/finding.ts'
import { probePublicUrl } from '../doctor/public-url.ts'
import { judgePublicUrl } from '../doctor/public-url-rules.ts'
import { judgeEnvironment, readableSettings } from '../doctor/settings.ts'
import { peekFolderId } from '../lib/data-dir.ts'
import { createSilentLogger } from '../telemetry/logger.ts'
import { DATA_DIR_OPTION, parseUrl, withDataDir } from './command.ts'
import type { Terminal } from './command.ts'
import { describeFindings, exitCodeOf, SELF } from './doctor-report.ts'
import { createGatewayApi, ownUrl, TOKEN_FILE_OPTION } from './gateway-api.ts'
import type { ApiOptions, GatewayApi } from './gateway-api.ts'
import { shortId } from './table.ts'

interface DoctorOptions extends ApiOptions {
  readonly json: boolean
  readonly all: boolean
}

const DEFAULT_HEARTBEAT_S = 8
/** Of a process: where a gateway runs, it tells of itself. */
const OF_PROCESS: ReadonlySet<string> = new Set(['open-files', 'memory', 'event-loop', 'node'])

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('find what is wrong with settings, Redis, disk, clock, proxy and the running gateway')
    .option('--json', 'print all findings as one JSON document', false)
    .option('--all', 'also print what is right', false)
    .option('--url <url>', 'public URL of the gateway: also look through the proxy in front', parseUrl)
    .option(...TOKEN_FILE_OPTION)
    .option(...DATA_DIR_OPTION)
    .addHelpText(
      'after',
      `
Run it with the settings of the gateway, on its machine, also while it runs. It changes nothing, and prints no secrets.

Exit codes: 0 nothing to mend, 1 warnings, or a process does not answer, 2 something critical.

Example: recall-gateway doctor --url https://recalls.example.com`,
    )
    .action((options: DoctorOptions) => doctor(options, terminal))
}

async function doctor(options: DoctorOptions, terminal: Terminal): Promise<void> {
  terminal.show?.('looking at settings, Redis, disk and the running gateway …')
  const { environment, problems } = settingsOf(options, terminal.environment)
  const readable = readableSettings(environment)
  // Only here: it brings the client of Redis.
  const { examineSurroundings } = await import('../doctor/surroundings.ts')
  const [local, surroundings, outside] = await Promise.all([
    askGateway(options, environment),
    readable === undefined
      ? [info('settings', 'Redis, disk and system were not looked at', 'Correct the settings first')]
      : // What goes wrong on the way is told in the findings.
        examineSurroundings(readable.config, {
          isOurs: false,
          isAppKnown: readable.isAppKnown,
          log: createSilentLogger(),
        }),
    options.url === undefined
      ? { findings: [], isTrusted: false }
      : lookFromOutside(options.url, options, environment, readable?.config),
  ])
  const isRunning = local.findings.length > 0
  const gateway = !isRunning && outside.isTrusted ? await askOutside(local, options, environment) : local
  const own = [
    ...problems,
    ...judgeEnvironment(environment),
    ...surroundings.filter(({ id }) => !isRunning || !OF_PROCESS.has(id)),
    ...gateway.own,
    ...outside.findings,
  ]
  const findings = worstFirst([...own.map((one) => ({ ...one, process: SELF })), ...gateway.findings])
  terminal.show?.()
  if (options.json) terminal.print(JSON.stringify({ findings, unanswered: gateway.unanswered }))
  else for (const line of describeFindings(findings, gateway.unanswered, options)) terminal.print(line)
  terminal.exitWith(exitCodeOf(findings, gateway.unanswered))
}

/** The variables with what is in files; what cannot be read there is a finding, and the rest is looked at nevertheless. */
function settingsOf(options: DoctorOptions, given: Environment) {
  const environment = withDataDir(options, given)
  // With a secret and the file that it is from, it would be refused as set twice.
  const files = SECRET_SETTINGS.map((name) => `${name}_FILE`)
  const withoutFiles = (all: Environment): Environment =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !files.includes(name)))
  try {
    return { environment: withoutFiles(withDevCredentials(environment)), problems: [] }
  } catch (error) {
    const fix = 'Let the user of the gateway read the file, and set one of the two variables only'
    const problems = [critical('settings', asGatewayError(error).message, fix)]
    return { environment: withoutFiles(environment), problems }
  }
}

interface Asked {
  readonly findings: readonly ProcessFinding[]
  readonly unanswered: DoctorResponse['unanswered']
  /** What this command finds of the gateway. */
  readonly own: readonly Finding[]
}

/** Asks the gateway that runs here, which asks all others. */
async function askGateway(
  { url: _public, ...options }: DoctorOptions,
  environment: Environment,
): Promise<Asked> {
  const url = ownUrl(environment)
  const nobody = { findings: [], unanswered: [] }
  try {
    return await ask(createGatewayApi(options, environment))
  } catch (error) {
    const { code, message } = asGatewayError(error)
    if (code === 'SEND_FAILED')
      return {
        ...nobody,
        own: [judgeSilence(environment, detailOf(error))],
      }
    return {
      ...nobody,
      own: [
        warning(
          'gateway',
          `${url} does not say what it finds: ${message}`,
          'Run doctor with the settings of the gateway',
        ),
      ],
    }
  }
}

/** Asks through the public address, where nobody answers here: the others may know most of it. */
async function askOutside(local: Asked, options: DoctorOptions, environment: Environment): Promise<Asked> {
  try {
    const { own, ...asked } = await ask(createGatewayApi(options, environment))
    return { ...asked, own: [...local.own, ...own] }
  } catch {
    // What is wrong with the address is told already.
    return local
  }
}

async function ask(api: GatewayApi): Promise<Asked> {
  const [{ findings, unanswered }, status] = await Promise.all([
    api.get<DoctorResponse>('/v1/doctor'),
    api.get<StatusResponse>('/v1/status'),
  ])
  return { findings, unanswered, own: judgeProcesses(status) }
}

/** What processes cannot find of themselves: that others are gone, or that there is none of a kind. */
function judgeProcesses({ problems }: StatusResponse): Finding[] {
  if (problems.length === 0) return [ok('processes', 'nothing needs attention')]
  return problems.map(({ severity, code, message, processId }) => {
    const whose = processId === undefined ? '' : `, process ${shortId(processId)}`
    const judge = severity === 'critical' ? critical : warning
    return judge('processes', `${code}${whose}: ${message}`, `The runbook says more under ${code}`)
  })
}

/** Judges that no gateway answers: it is no news only where none has ever run. */
function judgeSilence({ DATA_DIR, ROLE }: Environment, message: string): Finding {
  const found = `none answers (${message}), so clock, webhooks and proxy are not known`
  const fix =
    'Start it, or set PORT; one with TLS_CERT needs a certificate that names 127.0.0.1, or NODE_EXTRA_CA_CERTS'
  const dataDir = DATA_DIR || DEFAULT_DATA_DIR
  // A node has no folder.
  const runs = ROLE !== 'node' && isFolderInUse(dataDir) === true
  if (runs)
    return warning('gateway', `one runs on the data folder, and ${found}`, `See whether it hangs. ${fix}`)
  // Something is there, and it is no gateway, or one that hangs.
  if (!/ECONNREFUSED/.test(message)) return warning('gateway', found, fix)
  return ROLE !== 'node' && hasRun(dataDir)
    ? warning('gateway', `${found}; one has run on the data folder before`, fix)
    : info('gateway', found, fix)
}

function hasRun(dataDir: string): boolean {
  try {
    return peekFolderId(dataDir) !== undefined
  } catch {
    // The findings about the folder say why.
    return false
  }
}

async function lookFromOutside(
  url: string,
  options: DoctorOptions,
  environment: Environment,
  config: Config | undefined,
): Promise<{ readonly findings: readonly Finding[]; readonly isTrusted: boolean }> {
  let token: string | undefined
  try {
    token = await createGatewayApi(options, environment).getToken()
  } catch {
    // Less is looked at.
  }
  const facts = await probePublicUrl({
    url: url.replace(/\/+$/, ''),
    token,
    webhookPath: config?.WEBHOOK_PATH ?? '/webhook',
    app: config?.SDK_APP_ID ?? '1',
    webhookToken: config?.WEBHOOK_TOKEN[0],
    heartbeatMs: (config?.HEARTBEAT_S ?? DEFAULT_HEARTBEAT_S) * 1_000,
  })
  return { findings: judgePublicUrl(facts, Date.now()), isTrusted: facts.isTrusted && token !== undefined }
}
