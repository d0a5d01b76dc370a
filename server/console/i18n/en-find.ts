/** Addresses, the search and the list of recalls. */
export const find = {
  /** What is wrong with an address, before the text that is. */
  address: {
    view: 'The address names a view that does not exist:',
    part: 'The address has a part that this console does not know:',
    value: 'The address has a part that cannot be read:',
    twice: 'The address names a part twice; the first one counts:',
    length: 'The address is too long to be read:',
  },
}
