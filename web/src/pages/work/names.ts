// Names of what the company's rules speak of. Rules are data: what is not among the shipped ones keeps its own name.

import { reader } from "../../i18n/language.svelte.ts";

type Names = Readonly<Record<string, readonly [chinese: string, english: string]>>;

const CLOCKS: Names = {
  pending_info: ["补全订单信息", "Complete the order"],
  verified: ["核验订单", "Verify the order"],
  stock_locked: ["锁定库存", "Reserve the stock"],
  vehicle_assigned: ["安排车辆", "Assign a vehicle"],
  packed: ["打包", "Pack"],
  shipped: ["发货", "Ship"],
  delivered: ["送达", "Deliver"],
  logistics_delay: ["跟进未签收", "Follow up: not signed for"],
  customer_told: ["通知客户已发货", "Tell the customer it left"],
  survey: ["回访客户", "Ask how it went"],
};

const DUTIES: Names = {
  sales_clerk: ["销售", "Sales clerk"],
  auditor: ["审核", "Auditor"],
  stock_keeper: ["库管", "Stock keeper"],
  team_lead: ["班组长", "Team lead"],
  dispatcher: ["调度", "Dispatcher"],
  transport_manager: ["运输经理", "Transport manager"],
  tracker: ["跟单", "Tracker"],
  shipping_clerk: ["发货员", "Shipping clerk"],
  manager: ["经理", "Manager"],
};

const STATES: Names = {
  open: ["进行中", "In progress"],
  pending_info: ["信息不全", "Lacks information"],
  awaiting_transfer: ["等待调货", "Waits for stock"],
  address_review: ["地址待确认", "Address in doubt"],
  exception: ["异常", "Exception"],
  partly_delivered: ["部分签收", "Partly delivered"],
  delivered: ["已签收", "Delivered"],
  returned: ["已退回", "Returned"],
  cancelled: ["已取消", "Cancelled"],
};

const FIELDS: Names = {
  "contact.name": ["收货人", "Name"],
  "contact.phone": ["电话", "Phone"],
  "contact.address": ["地址", "Address"],
  ordered_at: ["下单时间", "Order time"],
  items: ["商品明细", "Items"],
  "items.sku": ["商品编码", "SKU"],
  "items.name": ["商品名称", "Product name"],
  "items.specification": ["规格", "Specification"],
  "items.quantity": ["数量", "Quantity"],
};

const PRIORITIES: Names = {
  urgent: ["加急", "Urgent"],
  high: ["优先", "High"],
  regular: ["普通", "Regular"],
  low: ["不急", "Low"],
};

const KINDS: Names = {
  origin: ["装货", "Load"],
  hub: ["中转", "Hub"],
  destination: ["送货", "Deliver"],
};

const named = (all: Names) => (name: string): string => all[name]?.[reader.language === "zh-CN" ? 0 : 1] ?? name;

export const clockName = named(CLOCKS);
export const dutyName = named(DUTIES);
export const stateName = named(STATES);
export const fieldName = named(FIELDS);
export const priorityName = named(PRIORITIES);
export const stopKindName = named(KINDS);
