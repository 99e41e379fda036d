/** Who shares a stream with whom: one mark is one user. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Credentials, groupName, subjectOf } from "../../../app/web/client/tidings/credentials.js";

const PAGE = "https://app.example.com/page";
const OWN = new URL("https://app.example.com/api/v1/");
const OTHER = new URL("https://tidings.example.net/api/v1/");

function on(cookie = "") {
  globalThis.location = new URL(PAGE);
  globalThis.document = { cookie };
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const jwt = (claims) => `${encoded({ alg: "HS256" })}.${encoded(claims)}.signature`;
const markOf = async (options, url = OWN) => (await new Credentials(options, url).who()).mark;

test("a token's user is its sub, whatever letters it has", () => {
  for (const sub of ["grace", "a~b@c:d-e.f_g", "jürgen", "鈴木??>>"]) {
    assert.equal(subjectOf(jwt({ sub })), sub);
  }
});

test("what can't be read names nobody", () => {
  const claims = [{}, { sub: "" }, { sub: 5 }, { sub: null }, null, [], "x"];
  for (const token of ["", "x", "a.b.c", "a.!.c", null, undefined, 7, ...claims.map(jwt)]) {
    assert.equal(subjectOf(token), null);
  }
});

test("tokens of one user share, those of two don't", async () => {
  on();
  const grace = await markOf({ token: jwt({ sub: "grace", jti: "1" }) });
  assert.equal(await markOf({ token: async () => jwt({ sub: "grace", jti: "2" }) }), grace);
  assert.notEqual(await markOf({ token: jwt({ sub: "ada" }) }), grace);
});

test("a session is known by its CSRF cookie, and two sessions are two users", async () => {
  on("a=b; csrf_access_token=one=; c=d");
  const one = await markOf({});
  on("csrf_access_token=two");
  assert.notEqual(await markOf({}), one);
  assert.ok(one);
});

test("over HTTPS the cookie has a prefix, and goes before one that another host may have set", () => {
  on("csrf_access_token=planted; __Host-csrf_access_token=one");
  assert.deepEqual(new Credentials({}, OWN).headers(null, "PATCH"), { "X-CSRF-TOKEN": "one" });
});

test("a session that changes is noticed, and its end too", async () => {
  on("csrf_access_token=one");
  const credentials = new Credentials({}, OWN);
  const { mark } = await credentials.who();
  assert.equal(credentials.changed(mark), false);
  on("csrf_access_token=two");
  assert.equal(credentials.changed(mark), true);
  on("");
  assert.equal(credentials.changed(mark), true);
});

test("a cookie of the page's says nothing of a server elsewhere", async () => {
  on("csrf_access_token=one");
  assert.equal(await markOf({ withCredentials: true }, OTHER), null);
  assert.equal(await markOf({ ticket: () => "t" }, OTHER), null);
  assert.equal(await markOf({ ticket: () => "t" }, OWN), null);
  const sameHost = new URL("https://app.example.com:8443/api/v1/");
  assert.ok(await markOf({ withCredentials: true }, sameHost));
  assert.equal(await markOf({}, sameHost), null); // it gets no cookies
});

test("where nothing says who it is, the page may; where something does, that stands", async () => {
  on();
  assert.equal(await markOf({}), null);
  assert.equal(await markOf({ ticket: () => "t", name: "grace" }, OTHER), "name:grace");
  assert.equal(await markOf({ token: jwt({ sub: "ada" }), name: "grace" }), "sub:ada");
  on("csrf_access_token=one");
  assert.equal(await markOf({ name: "grace" }), "session:one");
});

test("no two marks and no two servers have the same name, and it tells no secret", async () => {
  const names = await Promise.all([
    groupName(OWN, "sub:ada"),
    groupName(OWN, "sub:grace"),
    groupName(OWN, "name:ada"),
    groupName(OTHER, "sub:ada"),
  ]);
  assert.equal(new Set(names).size, 4);
  assert.equal(await groupName(OWN, "sub:ada"), names[0]);
  assert.ok(!names[0].includes("ada"));
});

test("a change needs the CSRF token of the session, and of no other server", () => {
  on("csrf_access_token=one");
  assert.deepEqual(new Credentials({}, OWN).headers(null, "PATCH"), { "X-CSRF-TOKEN": "one" });
  assert.deepEqual(new Credentials({}, OWN).headers(null, "GET"), {});
  assert.deepEqual(new Credentials({ withCredentials: true }, OTHER).headers(null, "PUT"), {});
  assert.deepEqual(new Credentials({}, OWN).headers("t", "PUT"), { Authorization: "Bearer t" });
});

test("the end of a token is known if it was given, and not if it is fetched", () => {
  assert.equal(new Credentials({ token: jwt({ sub: "a", exp: 5 }) }, OWN).endsAt, 5_000);
  assert.equal(new Credentials({ token: "x" }, OWN).endsAt, Infinity);
  assert.equal(new Credentials({ token: () => jwt({ exp: 5 }) }, OWN).endsAt, Infinity);
});
