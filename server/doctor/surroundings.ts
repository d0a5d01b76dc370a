import { examineRedis } from '../broker/redis/examination.ts'
import { redis as redisOptionsOf } from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import type { Logger } from '../telemetry/logger.ts'
import { examineCertificate } from './certificate.ts'
import { judgeCombinations } from './combinations.ts'
import { judgeDataFolder, lookAtDataFolder } from './data-folder.ts'
import { critical, info } from './finding.ts'
import type { Finding } from './finding.ts'
import { judgeMachine, lookAtMachine } from './machine.ts'
import { judgeRedis } from './redis.ts'
import { judgeSecrets } from './secrets.ts'
import { remindOfProvider } from './webhooks.ts'

interface SurroundingsDependencies {
  /** Whether this process has the data folder. */
  readonly isOurs: boolean
  /** Whether SDK_APP_ID is right. */
  readonly isAppKnown: boolean
  /** Of the connections that are opened. */
  readonly log: Logger
}

/** Looks at what a process with these settings needs: Redis, disk, system. Never rejects, and disturbs nobody. */
export async function examineSurroundings(
  config: Config,
  { isOurs, isAppKnown, log }: SurroundingsDependencies,
): Promise<Finding[]> {
  const findings = await Promise.all([
    redis(config, log),
    config.ROLE === 'node' ? [] : dataFolder(config, { isOurs, isAppKnown }),
    lookAtMachine().then((facts) => judgeMachine(facts, config)),
  ])
  return [
    ...judgeSecrets(config),
    ...judgeCombinations(config),
    ...examineCertificate(config, Date.now()),
    ...findings.flat(),
    ...remindOfProvider(config),
  ]
}

async function redis(config: Config, log: Logger): Promise<Finding[]> {
  const redisOptions = redisOptionsOf(config)
  if (redisOptions === undefined)
    return [info('redis', 'there is none (REDIS_URL): recalls are in the data folder')]
  return judgeRedis(await examineRedis(redisOptions, { log }), config, Date.now())
}

async function dataFolder(
  config: Config,
  options: Pick<SurroundingsDependencies, 'isOurs' | 'isAppKnown'>,
): Promise<Finding[]> {
  try {
    return judgeDataFolder(await lookAtDataFolder(config, options), config, options)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [critical('data-folder', `cannot look at it: ${reason}`, 'Give it to the user of the gateway')]
  }
}
