import { BEFORE_COMMAND_NAMES } from '../../server/receiver/commands/before-commands.ts'

/** Bodies of other commands than recalls that the provider documents, or that were seen. Sources: documents 1047/34374 and others. */
const DOCUMENTED = [
  {
    CallbackCommand: 'Group.CallbackBeforeSendMsg',
    GroupId: '@TGS#2J4SZEAEL',
    Type: 'Community',
    From_Account: 'jared',
    Operator_Account: 'admin',
    Random: 123456,
    MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: 'red packet 红包' } }],
    TopicId: '@TGS#_@TGS#cQVLVHIM62CJ@TOPIC#_TestTopic',
    EventTime: '1670574414123',
  },
  {
    CallbackCommand: 'Sns.CallbackPrevFriendAdd',
    Requester_Account: 'id',
    From_Account: 'id',
    FriendItem: [{ To_Account: 'id1', Remark: 'remark1' }, { To_Account: 'id2' }],
    AddType: 'Add_Type_Both',
    EventTime: 1631777344870,
  },
  {
    CallbackCommand: 'Chatbot.OnC2CSignalMessage',
    From_Account: 'user01',
    To_Account: '@RBT#chatbot',
    MsgSeq: 5678,
    MsgKey: '8765_5678_4321',
    Data: '{"msg":"这是自定义透传内容"}',
  },
  {
    CallbackCommand: 'Group.CallbackAfterMemberExit',
    GroupId: '@TGS#2J4SZEAEL',
    Type: 'Public',
    ExitType: 'Kicked',
    Operator_Account: 'leckie',
    ExitMemberList: [{ Member_Account: 'jared' }],
    EventTime: 1670574414123,
  },
] as const

/** The commands after which the provider goes on without an answer. Source: documents 269/1523 and 1047/34355. */
const AFTER_COMMANDS = [
  'State.StateChange',
  'Profile.CallbackPortraitSet',
  'Sns.CallbackFriendAdd',
  'Sns.CallbackFriendDelete',
  'Sns.CallbackBlackListAdd',
  'Sns.CallbackBlackListDelete',
  'Follow.CallbackAfterFollowAdd',
  'Follow.CallbackAfterFollowDelete',
  'C2C.CallbackAfterSendMsg',
  'C2C.CallbackAfterMsgReport',
  'C2C.CallbackAfterModifyMsg',
  'Group.CallbackAfterCreateGroup',
  'Group.CallbackAfterNewMemberJoin',
  'Group.CallbackAfterSendMsg',
  'Group.CallbackAfterModifyMsg',
  'Group.CallbackAfterGroupFull',
  'Group.CallbackAfterGroupDestroyed',
  'Group.CallbackAfterGroupInfoChanged',
  'Group.CallbackOnMemberStateChange',
  'Group.CallbackSendMsgException',
  'Group.CallbackAfterCreateTopic',
  'Group.CallbackAfterTopicDestroyed',
  'Group.CallbackAfterTopicInfoChanged',
  'Group.CallbackAfterMemberFieldChanged',
  'Group.CallbackAfterGroupAttrChanged',
  'Group.CallbackAfterReadReceipt',
  'Group.CallbackAfterChangeGroupOwner',
  'Group.CallbackAfterGroupMsgExtension',
  'Group.CallbackOnDailyGroupQuotaAlarm',
  'OfficialAccount.CallbackAfterCreateOfficialAccount',
  'OfficialAccount.CallbackAfterOfficialAccountInfoChanged',
  'OfficialAccount.CallbackAfterOfficialAccountDestroyed',
  'OfficialAccount.CallbackAfterAddSubscriber',
  'OfficialAccount.CallbackAfterDeleteSubscriber',
  'OfficialAccount.CallbackAfterOfficialAccountFull',
  'OfficialAccount.CallbackAfterSendMsg',
  'Bot.OnC2CMessage',
  'Bot.OnGroupMessage',
  'ContentCallback.ResultNotify',
  'Push.OfflinePush',
  'Push.AllMemberPush',
  'Alert.RequestOverLimit',
] as const

/** A webhook of each command but the recalls, and one that nobody has heard of. */
export const PROVIDER_COMMANDS: readonly { readonly CallbackCommand: string }[] = [
  ...DOCUMENTED,
  ...[...BEFORE_COMMAND_NAMES, ...AFTER_COMMANDS, 'Never.HeardOf']
    .filter((name) => !DOCUMENTED.some(({ CallbackCommand }) => CallbackCommand === name))
    .map((CallbackCommand) => ({
      CallbackCommand,
      GroupId: 'g',
      From_Account: 'jared',
      EventTime: 1670574414123,
    })),
]
