// OpenAI's npm SDK: what it gets from the server that its argument names, as JSON.
import { createRequire } from "node:module";
import { join } from "node:path";

const [told, modules] = process.argv.slice(2);
const { OpenAI, APIError } = createRequire(join(modules, "x.js"))("openai");
const place = JSON.parse(told);
const model = "openai/obliging";
const messages = [{ role: "user", content: "hello you" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "weather", description: "The weather", parameters } }];

const clientOf = (apiKey) => new OpenAI({ baseURL: place.url, apiKey, maxRetries: 0 });
const client = clientOf(place.key);

async function raised(call) {
  try {
    await call();
  } catch (error) {
    if (error instanceof APIError) return [error.constructor.name, error.status, error.code];
    throw error;
  }
  return ["nothing"];
}

const create = (values, by = client) => by.chat.completions.create({ model, messages, ...values });
const listed = [];
for await (const found of client.models.list()) listed.push(found.id);
const said = await create({});
const chunks = [];
for await (const chunk of await create({ stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
const called = await create({ tools });
const [call] = called.choices[0].message.tool_calls;
const result = { role: "tool", tool_call_id: call.id, content: "rain" };
const after = await create({ tools, messages: [...messages, called.choices[0].message, result] });

console.log(JSON.stringify({
  models: listed,
  one: (await client.models.retrieve(model)).id,
  said: said.choices[0].message.content,
  streamed: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""),
  usage: [said, ...chunks].filter((part) => part.usage).map((part) => part.usage.total_tokens),
  called: [called.choices[0].finish_reason, call.function.name, JSON.parse(call.function.arguments)],
  after: after.choices[0].message.content,
  errors: {
    key: await raised(() => create({}, clientOf("parley-nobody"))),
    model: await raised(() => create({ model: "nothing/here" })),
    limit: await raised(() => create({}, clientOf(place.spent))),
    request: await raised(() => create({ temperature: 9 })),
  },
}));
