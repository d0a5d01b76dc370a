/**
 * The commit of the last release. The tests beside this file build it and run it beside this version. Whoever publishes a
 * release moves this to the commit of that release.
 */
export const LAST_RELEASE = '338e7cb2414282f8e3814c12391491791ce6439c'
