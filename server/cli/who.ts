import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import type { RoomPresenceResponse, UserPresenceResponse } from '../../shared/http-api/presence.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Terminal } from './command.ts'
import { createGatewayApi, withApiOptions } from './gateway-api.ts'
import type { ApiOptions, GatewayApi } from './gateway-api.ts'
import { conversationIn, parametersOf, withRoomOptions } from './room-options.ts'
import type { RoomOptions } from './room-options.ts'
import { describeRoom, describeUser } from './who-table.ts'

interface WhoOptions extends ApiOptions, RoomOptions {
  readonly user?: string
  readonly feed: boolean
  readonly json: boolean
}

const NOBODY = 1
const UNASKED = 2

export function addWho(program: Command, terminal: Terminal): void {
  const command = program
    .command('who')
    .description('say where a user is connected, and how; or who is in a room, on all nodes')
    .option(
      '--user <id>',
      'this user: connections, rooms, how far behind, until when, and what was taken away',
    )
  withRoomOptions(command)
    .option('--feed', 'the feed, which has all recalls', false)
    .option('--json', 'print the response of the gateway, one line of JSON', false)
    .addHelpText(
      'after',
      `
Exit codes: 0 somebody is there; 1 nobody is, not in the room, or a node did not answer, and is named; 2 nobody can be asked.

Examples: recall-gateway who --user alice
          recall-gateway who --group lobby
          recall-gateway who --user alice --group lobby`,
    )
  withApiOptions(command).action((options: WhoOptions) => who(options, terminal))
}

async function who(options: WhoOptions, terminal: Terminal): Promise<void> {
  try {
    const asked = askedFor(options)
    const api = createGatewayApi(options, terminal.environment)
    const { response, lines, isThere } = await ('userId' in asked
      ? askUser(api, asked)
      : askRoom(api, asked.room))
    if (options.json) terminal.print(JSON.stringify(response))
    else for (const line of lines) terminal.print(line)
    terminal.exitWith(isThere && response.unanswered.length === 0 ? 0 : NOBODY)
  } catch (error) {
    // Never the code of "nobody", with which the process ends otherwise.
    terminal.exitWith(UNASKED)
    throw error
  }
}

/** Returns the user, with or without a room, or the room that the options name. Throws CONFIG_INVALID without either. */
function askedFor({
  user,
  feed,
  ...options
}: WhoOptions): { readonly userId: string; readonly room: Room | undefined } | { readonly room: Room } {
  const conversation = conversationIn(options)
  if (feed && conversation !== undefined)
    throw new GatewayError('CONFIG_INVALID', 'name one room: --feed, or a conversation')
  const room = feed ? FEED : conversation
  if (user !== undefined) {
    if (!isIdentifier(user))
      throw new GatewayError('CONFIG_INVALID', '--user must be printable text, not empty')
    return { userId: user, room }
  }
  if (room === undefined)
    throw new GatewayError(
      'CONFIG_INVALID',
      'name a user or a room: --user, --group, --c2c, --official or --feed',
    )
  return { room }
}

async function askUser(
  api: GatewayApi,
  { userId, room }: { readonly userId: string; readonly room: Room | undefined },
) {
  const parameters = new URLSearchParams(room === undefined ? undefined : parametersOf(room))
  parameters.set('userId', userId)
  const response = await api.get<UserPresenceResponse>('/v1/user-presence', parameters)
  const connections = response.nodes.flatMap((node) => node.connections)
  const isThere = connections.some(({ rooms }) => room === undefined || rooms.length > 0)
  return { response, lines: describeUser(response, room), isThere }
}

async function askRoom(api: GatewayApi, room: Room) {
  const response = await api.get<RoomPresenceResponse>('/v1/room-presence', parametersOf(room))
  return {
    response,
    lines: describeRoom(response),
    isThere: response.nodes.some(({ connections }) => connections > 0),
  }
}
