// Names of what the API speaks of. Its types are made from the OpenAPI document: a new stage or kind of alert
// does not compile until it has a name here.

import type { Schema } from "../api/client.ts";
import { names } from "./texts.ts";

export const stageName = names<Schema["Stage"]>({
  received: ["已接单", "Order received"],
  verified: ["已核验", "Verified"],
  stock_locked: ["已备货", "Stock reserved"],
  vehicle_assigned: ["已派车", "Vehicle assigned"],
  picked: ["已拣货", "Picked"],
  packed: ["已打包", "Packed"],
  loaded: ["已装车", "Loaded"],
  dispatched: ["已发车", "Departed"],
  at_hub: ["到达中转站", "At hub"],
  out_for_delivery: ["派送中", "Out for delivery"],
  arrived: ["已到达", "Arrived"],
  delivered: ["已签收", "Delivered"],
  confirmed: ["已确认", "Confirmed"],
});

export const alertName = names<Schema["AlertKind"]>({
  late_risk: ["可能晚点", "May be late"],
  late: ["已晚点", "Late"],
  stale: ["车辆失联", "Vehicle silent"],
  stage_overdue: ["环节超时", "Stage overdue"],
  off_route: ["偏离路线", "Off route"],
  long_stop: ["停留过久", "Standing for long"],
  restricted_area: ["进入禁区", "In a restricted area"],
  scan_mismatch: ["扫描位置不符", "Scanned elsewhere"],
  temperature: ["温度异常", "Temperature"],
  eta_drift: ["预计时间变差", "Estimates have got worse"],
});

export const roleName = names<Schema["Role"]>({
  customer: ["客户", "Customer"],
  shipper: ["发货方", "Shipper"],
  driver: ["司机", "Driver"],
  warehouse: ["仓库", "Warehouse"],
  customer_service: ["客服", "Customer service"],
  dispatcher: ["调度", "Dispatcher"],
  manager: ["经理", "Manager"],
  admin: ["管理员", "Administrator"],
});
