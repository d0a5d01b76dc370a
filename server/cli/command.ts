/** What a command may use of the process it runs in. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** One line on standard output. */
  print(line: string): void
}
