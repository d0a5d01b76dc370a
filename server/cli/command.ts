import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import type { Environment } from '../config/settings.ts'
import type { Logger } from '../telemetry/logger.ts'

/** What a command gets from the process that runs it. */
export interface Terminal {
  readonly environment: Environment
  /** Writes one line to standard output, which is for programs. */
  print(line: string): void
  /** Resolves once standard output has taken what was printed: to false if its reader has gone, or its disk is full. */
  printed(): Promise<boolean>
  /** Writes one line to standard error, which is for people. */
  tell(line: string): void
  /** Shows this text in the place of the one shown before; without one, nothing. Only where a person watches. */
  readonly show: ((text?: string) => void) | undefined
  /** Aborted once the process receives a signal or nobody reads standard output any more. A second signal ends the process. */
  ending(): AbortSignal
  /** Sets the exit code of the process, unless a worse one is set. */
  exitWith(code: number): void
  /** Stops the service and exits when the process receives a signal. */
  runUntilSignal(service: Service): void
}

export interface Service {
  /** Rejects only if the service has not started. */
  stop(): Promise<void>
  /** The process exits with 1 if `stop` takes longer. */
  readonly stopTimeoutMs: number
  readonly log: Logger
}

export interface DataDirOption {
  readonly dataDir?: string
}

export const DATA_DIR_OPTION = ['--data-dir <folder>', 'data folder to use instead of DATA_DIR'] as const

export const withDataDir = ({ dataDir }: DataDirOption, environment: Environment): Environment =>
  dataDir === undefined ? environment : { ...environment, DATA_DIR: dataDir }

/** Throws CONFIG_INVALID if any of these options was given: it would have no effect, and nobody would notice. */
export function refuseOptions(command: Command, names: readonly string[], why: string): void {
  const given = command.options
    .filter((option) => names.includes(option.attributeName()))
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .map(({ long }) => long)
  if (given.length > 0) throw new GatewayError('CONFIG_INVALID', `${given.join(', ')} ${why}`)
}

/** Parses an option that can be repeated. */
export const collect = (value: string, earlier: readonly string[]): string[] => [...earlier, value]

export function parseSeqs(text: string): number[] {
  const seqs = text.split(',').map(Number)
  if (!seqs.every((seq) => Number.isSafeInteger(seq) && seq > 0))
    throw new InvalidArgumentError('Use whole numbers from 1, separated by commas.')
  return seqs
}

export function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/i.test(text))
    throw new InvalidArgumentError('Use a URL that begins with http.')
  return text
}

export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!Number.isSafeInteger(seconds) || seconds < 1)
    throw new InvalidArgumentError('Use whole seconds from 1.')
  return seconds
}

/** Parses a whole number between bounds. */
export const parseWhole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`Use a whole number from ${min} to ${max}.`)
    return value
  }

/**
 * Returns the variables without white space around their values: files of variables that were written on Windows leave a carriage
 * return behind each, which nobody sees, and with which no signature would match.
 */
export const readEnvironment = (variables: Environment): Environment =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value?.trim()]))
