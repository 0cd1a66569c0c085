// The warehouse contract, served by the npm package `soap` from the WSDL that our client bundles.
// Prints "ready PORT" when it listens. Keeps what it is told in memory; nothing ever ships.
"use strict";

const http = require("node:http");
const fs = require("node:fs");
const soap = require("soap");

const [wsdlPath, username, password] = process.argv.slice(2);
const orders = new Map();
const changes = [];

const listOf = (value) => (value === undefined ? [] : [].concat(value));

function shown(order) {
  const line = order.lines.map(({ lineNo, sku, quantity }) => ({
    attributes: { lineNo, sku, ordered: quantity, shipped: 0 },
  }));
  const { reference, wmsNumber, status } = order;
  return { reference, wmsNumber, status, lines: { line }, shipments: {} };
}

function submitOrder(sent) {
  const known = orders.get(sent.reference);
  if (known) {
    return { result: "duplicate", wmsNumber: known.wmsNumber, code: "", message: "" };
  }
  const lines = listOf(sent.lines.line).map((line) => line.attributes);
  if (lines.some((line) => line.sku === "UNKNOWN")) {
    return { result: "rejected", wmsNumber: "", code: "unknown_sku", message: "Not kept here." };
  }
  const wmsNumber = `N${String(orders.size + 1).padStart(6, "0")}`;
  const { reference, location, shipTo, promisedOn } = sent;
  orders.set(reference, { reference, location, shipTo, promisedOn, wmsNumber, lines, status: "received" });
  changes.push(reference);
  return { result: "accepted", wmsNumber, code: "", message: "" };
}

function getOrder({ reference }) {
  if (reference === "FAULT") {
    throw { Fault: { faultcode: "soap:Server", faultstring: "The disk is full.", statusCode: 500 } };
  }
  const order = orders.get(reference);
  return order ? { found: true, order: shown(order) } : { found: false };
}

function cancelOrder({ reference }) {
  const order = orders.get(reference);
  if (!order) {
    return { result: "not_found", message: "No such order." };
  }
  if (order.status !== "cancelled") {
    order.status = "cancelled";
    changes.push(reference);
  }
  return { result: "cancelled", message: "" };
}

function listChanges({ location, cursor, limit }) {
  const start = Number(cursor || 0);
  const end = Math.min(changes.length, start + Number(limit));
  const order = changes
    .slice(start, end)
    .map((reference) => orders.get(reference))
    .filter((one) => one.location === location)
    .map(shown);
  return { orders: { order }, nextCursor: String(end), hasMore: end < changes.length };
}

const now = () => new Date().toISOString();
const level = { sku: "MUG", onHand: 7 };
const delta = () => ({ deltaId: "D-1", sku: "MUG", change: -2, at: now(), reason: "damaged" });
const receipt = () => ({
  receiptId: "R-1", rma: "RMA-1", sku: "MUG", quantity: 1, condition: "sellable", receivedAt: now(),
});

const service = {
  WarehouseService: {
    Warehouse: {
      SubmitOrder: submitOrder,
      GetOrder: getOrder,
      CancelOrder: cancelOrder,
      ListChanges: listChanges,
      StockSnapshot: () => ({
        snapshotId: `N-${Date.now()}`, asOf: now(), items: { item: [{ attributes: level }] },
        nextCursor: "", hasMore: false,
      }),
      StockDelta: () => ({
        deltas: { delta: [{ attributes: delta() }] }, nextCursor: "1", hasMore: false,
      }),
      ReturnReceipt: () => ({
        receipts: { receipt: [{ attributes: receipt() }] }, nextCursor: "1", hasMore: false,
      }),
    },
  },
};

const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
const server = http.createServer((_request, response) => response.writeHead(404).end());
server.listen(0, "127.0.0.1", () => {
  const listener = soap.listen(server, {
    path: "/soap",
    services: service,
    xml: fs.readFileSync(wsdlPath, "utf8"),
    uri: wsdlPath,
    callback: () => console.log(`ready ${server.address().port}`),
  });
  listener.authorizeConnection = (request, response) => {
    const isKnown = request.headers.authorization === expected;
    response.statusCode = isKnown ? 200 : 401;
    return isKnown;
  };
});
