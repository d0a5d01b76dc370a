import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { withDevCredentials } from '../config/environment.ts'
import type { Environment } from '../config/settings.ts'
import { OWN_CALL, signed } from '../receiver/provider-call.ts'
import type { Signing } from '../receiver/provider-call.ts'
import { DATA_DIR_OPTION, parseUrl, withDataDir } from './command.ts'
import type { DataDirOption } from './command.ts'
import { exchange, ownUrl } from './gateway-api.ts'

const RESPONSE_TIMEOUT_MS = 5_000

export interface CallOptions extends DataDirOption {
  readonly url?: string
  readonly app?: string
  readonly token?: string
}

/** Adds the options that say which gateway to call, and as whom. */
export const withCallOptions = (command: Command): Command =>
  command
    .option(
      '--url <url>',
      'webhook URL of the gateway (default: PORT and WEBHOOK_PATH on this machine)',
      parseUrl,
    )
    .option(...DATA_DIR_OPTION)
    .option('--app <id>', 'SDKAppID to use instead of SDK_APP_ID')
    .option(
      '--token <token>',
      'token to use instead of WEBHOOK_TOKEN (other users of this machine can see it)',
    )

interface Call {
  readonly query: URLSearchParams
  readonly body: string | Buffer
  /** Default: POST. */
  readonly method?: string | undefined
  /** What stands behind the path of webhooks. */
  readonly path?: string | undefined
  /** How to sign it otherwise than right. */
  readonly signing?: Pick<Signing, 'isForged' | 'lateS'>
  /** Default: OWN_CALL. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Returns the app, and a function that signs a webhook as Tencent does, posts it, and resolves to the response. Throws
 * CONFIG_INVALID without credentials. The function rejects with SEND_FAILED if there is no response within 5 s.
 */
export function createCaller(options: CallOptions, environment: Environment) {
  const url = options.url ?? `${ownUrl(environment)}${environment['WEBHOOK_PATH'] || '/webhook'}`
  const settings = withDevCredentials(withDataDir(options, environment))
  const app = options.app ?? settings['SDK_APP_ID']
  // During a rotation there are several tokens; the gateway accepts each.
  const token = options.token ?? settings['WEBHOOK_TOKEN']?.split(',')[0]?.trim()
  if (app === undefined || token === undefined) {
    throw new GatewayError(
      'CONFIG_INVALID',
      'set SDK_APP_ID and WEBHOOK_TOKEN, or pass --app and --token, or name the folder of start --dev with --data-dir',
    )
  }

  const call = async ({
    query,
    body,
    method = 'POST',
    path = '',
    signing = {},
    headers = OWN_CALL,
  }: Call): Promise<{ status: number; text: string }> => {
    const target = `${url}${path}?${signed(query, { app, token, ...signing }).toString()}`
    // `fetch` takes none for some methods, not even an empty one.
    const sent = body.length === 0 ? null : body
    return await exchange(target, { method, headers, body: sent, timeoutMs: RESPONSE_TIMEOUT_MS })
  }

  return { app, call }
}
