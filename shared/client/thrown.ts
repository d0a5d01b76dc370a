/** What an error says, for people, shortened. Anything can be thrown: an error without a text, too. */
export function thrownText(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown).slice(0, 200)
  } catch {
    return 'what was thrown has no text'
  }
}
