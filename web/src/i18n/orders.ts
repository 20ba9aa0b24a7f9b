// Names around orders and their clocks. What the company's rules name (clocks, duties) may have none here.

import type { Schema } from "../api/client.ts";
import { stageName } from "./domain.ts";
import { names, namesOfSome } from "./texts.ts";

export const priorityName = namesOfSome({
  urgent: ["加急", "Urgent"],
  high: ["优先", "High"],
  regular: ["普通", "Regular"],
  low: ["可缓", "Low"],
});

export const stateName = namesOfSome({
  open: ["进行中", "Open"],
  cancelled: ["已取消", "Cancelled"],
  returned: ["已退回", "Returned"],
  delivered: ["已签收", "Delivered"],
  exception: ["异常", "Exception"],
  pending_info: ["待补资料", "Waiting for information"],
  address_review: ["地址待核", "Address in doubt"],
  awaiting_transfer: ["待调货", "Waiting for stock"],
  partly_delivered: ["部分签收", "Partly delivered"],
});

export const colourName = names<Schema["Colour"]>({
  green: ["完成", "Done"],
  yellow: ["进行中", "In progress"],
  red: ["超时或异常", "Overdue or in trouble"],
});

export const clockName = namesOfSome({
  pending_info: ["补齐资料", "Complete the information"],
  verified: ["核验", "Verify"],
  stock_locked: ["备货", "Reserve stock"],
  vehicle_assigned: ["派车", "Assign a vehicle"],
  packed: ["打包", "Pack"],
  shipped: ["发车", "Ship"],
  delivered: ["签收", "Deliver"],
  logistics_delay: ["在途时限", "Time on the road"],
  customer_told: ["通知客户", "Tell the customer"],
  survey: ["回访", "Survey"],
});

export const dutyName = namesOfSome({
  sales_clerk: ["销售内勤", "Sales clerk"],
  auditor: ["审核", "Auditor"],
  stock_keeper: ["仓管", "Stock keeper"],
  dispatcher: ["调度", "Dispatcher"],
  team_lead: ["班组长", "Team lead"],
  tracker: ["跟单", "Order tracker"],
  shipping_clerk: ["发货文员", "Shipping clerk"],
  transport_manager: ["运输经理", "Transport manager"],
  manager: ["经理", "Manager"],
});

export const severityName = namesOfSome({
  info: ["提示", "Notice"],
  warning: ["警告", "Warning"],
  critical: ["紧急", "Critical"],
});

const happeningName = namesOfSome({
  pending_info: ["资料待补", "Information missing"],
  resubmitted: ["资料已补", "Information completed"],
  awaiting_transfer: ["等待调货", "Waiting for stock"],
  transfer_arrived: ["调货到位", "Stock arrived"],
  address_review: ["地址待核", "Address in doubt"],
  address_confirmed: ["地址已确认", "Address confirmed"],
  exception: ["异常", "Exception"],
  attempt_failed: ["派送未成功", "Delivery attempt failed"],
  refused: ["客户拒收", "Refused"],
  exception_resolved: ["异常已处理", "Exception resolved"],
  returned: ["已退回", "Returned"],
  cancelled: ["已取消", "Cancelled"],
  customer_told: ["已通知客户", "Customer told"],
  surveyed: ["已回访", "Surveyed"],
  approached: ["即将到达", "Near"],
  waybill: ["承运商单号", "Waybill"],
  link: ["跟踪链接", "Tracking link"],
});

const STAGES: readonly string[] = [
  "received",
  "verified",
  "stock_locked",
  "vehicle_assigned",
  "picked",
  "packed",
  "loaded",
  "dispatched",
  "at_hub",
  "out_for_delivery",
  "arrived",
  "delivered",
  "confirmed",
] satisfies Schema["Stage"][];

/** What is said of an order: a stage, or what happened otherwise. */
export function saidName(kind: string): string {
  return STAGES.includes(kind) ? stageName(kind as Schema["Stage"]) : happeningName(kind);
}

export const stopKindName = namesOfSome({
  origin: ["始发地", "Origin"],
  hub: ["中转站", "Hub"],
  destination: ["目的地", "Destination"],
});
