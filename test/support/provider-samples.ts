/**
 * Recall webhooks from the provider's documentation over the years, oldest first. Sources: Tencent Cloud Chat documents
 * 46979 (editions of 2022 to 2025) and 269/73141. As in the originals, the topics of the samples do not start with the
 * name of their group.
 */
export const RECALL_SAMPLES = {
  'of 2022, without time and topic': {
    CallbackCommand: 'Group.CallbackAfterRecallMsg',
    Operator_Account: 'admin',
    Type: 'Public',
    GroupId: '@TGS#2J4SZEAEL',
    MsgSeqList: [{ MsgSeq: 130 }],
  },
  'of 2023, in a topic, with the time in digits': {
    CallbackCommand: 'Group.CallbackAfterRecallMsg',
    Operator_Account: 'admin',
    Type: 'Community',
    GroupId: '1213456',
    MsgSeqList: [{ MsgSeq: 130 }],
    TopicId: '@TGS#_@TGS#cQVLVHIM62CJ@TOPIC#_TestTopic',
    EventTime: '1670574414123',
  },
  'of 2025, with message ids and the time as a number': {
    CallbackCommand: 'Group.CallbackAfterRecallMsg',
    Operator_Account: 'admin',
    Type: 'Community',
    GroupId: '1213456',
    MsgSeqList: [{ MsgSeq: 130, MsgId: '144115213033478435-1739361321-2512805311' }],
    TopicId: '@TGS#_@TGS#cQVLVHIM62CJ@TOPIC#_TestTopic',
    EventTime: 1670574414123,
  },
} as const

/** Those of one-to-one conversations, oldest first. Sources: documents 43466 and 269/61697. */
export const C2C_RECALL_SAMPLES = {
  'of a conversation of two, with a number of unread messages': {
    CallbackCommand: 'C2C.CallbackAfterMsgWithDraw',
    From_Account: 'jared',
    To_Account: 'Jonh',
    MsgKey: '48374_2837546_1557481126',
    UnreadMsgNum: 7,
  },
  'of a conversation of two, with a time': {
    CallbackCommand: 'C2C.CallbackAfterMsgWithDraw',
    From_Account: 'jared',
    To_Account: 'Jonh',
    MsgKey: '48374_2837546_1557481126',
    EventTime: 1670574414123,
  },
} as const

/** Those of official accounts. Sources: documents 60805 and 269/102325. */
export const OFFICIAL_ACCOUNT_RECALL_SAMPLES = {
  'of an official account': {
    CallbackCommand: 'OfficialAccount.CallbackAfterMsgWithDraw',
    Official_Account: '#TOA#_123',
    WithdrawMsgList: [{ MsgKey: '71_1_1698741698' }],
    EventTime: 1670574414123,
  },
} as const

export const ALL_RECALL_SAMPLES = {
  ...RECALL_SAMPLES,
  ...C2C_RECALL_SAMPLES,
  ...OFFICIAL_ACCOUNT_RECALL_SAMPLES,
}
