// Names of what the API says of devices and of what could not be used.

import type { Schema } from "../../../api/client.ts";
import { names, namesOfSome } from "../../../i18n/texts.ts";

export type Trouble = "any" | "silent" | "clock" | "gaps" | "rejected";
export const TROUBLES: readonly Trouble[] = ["any", "silent", "clock", "gaps", "rejected"];

export const troubleName = names<Trouble>({
  any: ["有问题的", "In trouble"],
  silent: ["失联", "Silent"],
  clock: ["时钟", "Clock"],
  gaps: ["缺号", "Gaps"],
  rejected: ["被拒数据", "Rejected"],
});

export const clockName = names<Schema["DeviceLine"]["clock"]>({
  right: ["正常", "Right"],
  doubtful: ["可疑", "In doubt"],
  corrected: ["已校正", "Corrected"],
});

export const kindName = namesOfSome({
  tracker: ["定位器", "Tracker"],
  scanner: ["扫描枪", "Scanner"],
  phone: ["手机", "Phone"],
  sensor: ["传感器", "Sensor"],
});

/** What is wrong with a clock, as domain/device_clocks.py tells it. */
export const clockTroubleName = namesOfSome({
  unset: ["时钟未设置", "the clock was never set"],
  week_rollover: ["GPS 周数翻转", "the GPS week number rolled over"],
  whole_hours: ["时区设错", "it is set to another time zone"],
  ahead: ["走快", "it is ahead"],
  behind: ["走慢", "it is behind"],
  drifting: ["持续漂移", "it drifts"],
  given: ["人工设定", "set by hand"],
});

/** Why a payload or item could not be used, as docs/wire-format.md lists it. */
export const reasonName = namesOfSome({
  unknown_topic: ["未知主题", "Unknown topic"],
  unknown_device: ["未登记的设备", "Device not registered"],
  pending_device: ["设备待批准", "Device waits for approval"],
  too_large: ["数据过大", "Too large"],
  bad_json: ["JSON 有误", "Broken JSON"],
  bad_msgpack: ["MessagePack 有误", "Broken MessagePack"],
  empty_array: ["空数组", "Empty array"],
  not_object: ["不是对象", "Not an object"],
  topic_mismatch: ["设备与主题不符", "Another device than the topic's"],
  missing_field: ["缺少字段", "A field is missing"],
  wrong_type: ["字段类型不对", "A field of the wrong type"],
  not_finite: ["数值非有限", "A number that is none"],
  out_of_range: ["数值越界", "Out of range"],
  unknown_action: ["未知动作", "Unknown action"],
});
