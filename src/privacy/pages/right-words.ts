import type { Right } from '../../rights/request.ts'
import type { Told } from '../turn.ts'

interface RightWords {
  readonly name: string
  /** In a sentence. */
  readonly what: string
  readonly happens: string
  readonly when: string
  readonly stays: string
}

/** Each right: what happens, when, and what stays. */
export const RIGHT_WORDS: Told<Readonly<Record<Right, RightWords>>> = {
  'zh-CN': {
    access: {
      name: '查阅',
      what: '看到商店持有的关于您的全部信息。',
      happens: '我们把全部信息、来源、用途、接收方和查看记录整理成文件，用您设定的口令加密。',
      when: '确认是您本人后，通常几分钟内可以下载，7 天内有效。',
      stays: '什么也不改变。文件不在我们这里保存。',
    },
    portability: {
      name: '获取副本并转移',
      what: '以通用格式取得您的信息，以便交给别人使用。',
      happens: '我们把信息整理成 JSON 和表格文件，用您设定的口令加密。',
      when: '确认是您本人后，通常几分钟内可以下载，7 天内有效。',
      stays: '什么也不改变。文件不在我们这里保存。',
    },
    correction: {
      name: '更正',
      what: '改正不准确的信息。',
      happens: '工作人员核对后，改正所有存放之处，通知曾收到错误内容的接收方，相关统计重新计算。',
      when: '我们承诺 15 天内答复。',
      stays: '正确的内容继续保存。如不予更正，会说明理由。',
    },
    erasure: {
      name: '删除',
      what: '删除商店持有的关于您的信息。',
      happens:
        '信息立即停用。冷静期过后删除：销毁密钥、删除记录、通知接收方，再全面检索一遍，最后给您一份可自行核验的回执。',
      when: '冷静期通常为 24 小时，期间可随时撤回。此后通常几分钟内完成。',
      stays: '法律要求保存的部分（例如订单）已停用，仅依法保存，到期自动删除并通知您。',
    },
    restriction: {
      name: '停止使用，仅保存',
      what: '信息保留，但不作任何使用。',
      happens: '信息立即停用，仅依法保存：不用于任何目的，也不提供给任何人。接收方会收到通知。',
      when: '确认是您本人后立即生效。',
      stays: '全部信息继续保存，直到您要求恢复使用或删除。',
    },
    objection: {
      name: '拒绝某些用途',
      what: '不再将您的信息用于您选定的目的。',
      happens: '相当于撤回同意并长期有效。只为这些目的保存的信息随即删除，接收方会收到通知。',
      when: '立即生效，无需证明身份。',
      stays: '为其他目的保存的信息不受影响。',
    },
  },
  en: {
    access: {
      name: 'See it all',
      what: 'Everything that the shop holds about you.',
      happens:
        'We put all of it into one file: where it came from, what it is used for, who received it, who looked. It is sealed under a passphrase of yours.',
      when: 'Minutes after it is confirmed that it is you. You can download it for 7 days.',
      stays: 'Nothing changes. The file is not kept here.',
    },
    portability: {
      name: 'Take it elsewhere',
      what: 'Your data in common formats, to hand to somebody else.',
      happens: 'We put it into JSON and tables, sealed under a passphrase of yours.',
      when: 'Minutes after it is confirmed that it is you. You can download it for 7 days.',
      stays: 'Nothing changes. The file is not kept here.',
    },
    correction: {
      name: 'Have it corrected',
      what: 'Set right what is wrong about you.',
      happens:
        'A person looks at it. Then it is changed everywhere it stands, those who received the wrong data are told, and what was computed from it is computed anew.',
      when: 'You have an answer within 15 days.',
      stays: 'The right data is kept. If we do not correct it, we say why.',
    },
    erasure: {
      name: 'Have it erased',
      what: 'What the shop holds about you, gone.',
      happens:
        'Your data is no longer used as of now. After a time to think it is erased: keys destroyed, records deleted, recipients told. Then we search everywhere, and give you a receipt that you can check yourself.',
      when: 'The time to think is usually 24 hours; until then you can take it back. After that it takes minutes.',
      stays:
        'What a law makes us keep, such as orders: used for nothing else, and erased by itself at its end. You are told.',
    },
    restriction: {
      name: 'Keep it, do not use it',
      what: 'Your data is kept and used for nothing.',
      happens: 'It is no longer used for any purpose, nor given to anybody. Recipients are told.',
      when: 'At once, when it is confirmed that it is you.',
      stays: 'All of it, until you want it used again, or erased.',
    },
    objection: {
      name: 'Say no to some uses',
      what: 'Your data is no longer used for the purposes that you choose.',
      happens:
        'It counts like a consent taken back, for good. What was kept for these purposes alone is erased, and recipients are told.',
      when: 'At once. You need not prove who you are.',
      stays: 'What is kept for other purposes.',
    },
  },
}
