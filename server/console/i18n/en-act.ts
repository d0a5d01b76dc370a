/** Texts of what a moderator does with a recall, in English. */
export const act = {
  zone: {
    shown: (zone: string) => `Times in ${zone}`,
    toUtc: 'Show times in UTC',
    toLocal: 'Show times in your time zone',
  },
}
