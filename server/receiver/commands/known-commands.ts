import { BEFORE_COMMAND_NAMES } from './before-commands.ts'
import { RECALL_COMMANDS } from './recall-commands.ts'

/**
 * The commands that tell of what has happened, besides recalls. Source: Tencent Cloud Chat, documents 1047/34355 and 269/1523. Others
 * are handled the same: this list only bounds the labels of metrics.
 */
const AFTER_COMMANDS: readonly string[] = [
  'Alert.RequestOverLimit',
  'Bot.OnC2CMessage',
  'Bot.OnGroupMessage',
  'C2C.CallbackAfterModifyMsg',
  'C2C.CallbackAfterMsgReport',
  'C2C.CallbackAfterSendMsg',
  'ContentCallback.ResultNotify',
  'Follow.CallbackAfterFollowAdd',
  'Follow.CallbackAfterFollowDelete',
  'Group.CallbackAfterChangeGroupOwner',
  'Group.CallbackAfterCreateGroup',
  'Group.CallbackAfterCreateTopic',
  'Group.CallbackAfterGroupAttrChanged',
  'Group.CallbackAfterGroupDestroyed',
  'Group.CallbackAfterGroupFull',
  'Group.CallbackAfterGroupInfoChanged',
  'Group.CallbackAfterGroupMsgExtension',
  'Group.CallbackAfterMemberExit',
  'Group.CallbackAfterMemberFieldChanged',
  'Group.CallbackAfterModifyMsg',
  'Group.CallbackAfterNewMemberJoin',
  'Group.CallbackAfterReadReceipt',
  'Group.CallbackAfterSendMsg',
  'Group.CallbackAfterTopicDestroyed',
  'Group.CallbackAfterTopicInfoChanged',
  'Group.CallbackOnDailyGroupQuotaAlarm',
  'Group.CallbackOnMemberStateChange',
  'Group.CallbackSendMsgException',
  'OfficialAccount.CallbackAfterAddSubscriber',
  'OfficialAccount.CallbackAfterCreateOfficialAccount',
  'OfficialAccount.CallbackAfterDeleteSubscriber',
  'OfficialAccount.CallbackAfterOfficialAccountDestroyed',
  'OfficialAccount.CallbackAfterOfficialAccountFull',
  'OfficialAccount.CallbackAfterOfficialAccountInfoChanged',
  'OfficialAccount.CallbackAfterSendMsg',
  'Profile.CallbackPortraitSet',
  'Push.AllMemberPush',
  'Push.OfflinePush',
  'Sns.CallbackBlackListAdd',
  'Sns.CallbackBlackListDelete',
  'Sns.CallbackFriendAdd',
  'Sns.CallbackFriendDelete',
  'State.StateChange',
]

const KNOWN: ReadonlySet<string> = new Set([
  ...AFTER_COMMANDS,
  ...BEFORE_COMMAND_NAMES,
  ...RECALL_COMMANDS.map(({ name }) => name),
])

/** Returns the command, or `other` for one that is not listed: anyone who can sign could make up any number of them. */
export const labelOf = (command: string): string => (KNOWN.has(command) ? command : 'other')
