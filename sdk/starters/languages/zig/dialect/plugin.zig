//! @name@ is a Penstock dialect for acme, a provider that speaks OpenAI's format at a path
//! of its own and wants its version named in a header.
const std = @import("std");
const penstock = @import("penstock");
const Json = penstock.Json;
const Out = penstock.Out;

export fn penstock_transform_request(ptr: [*]u8, len: usize) u64 {
    return penstock.call(request, ptr, len);
}

export fn penstock_normalise_response(ptr: [*]u8, len: usize) u64 {
    return penstock.call(response, ptr, len);
}

export fn penstock_normalise_event(ptr: [*]u8, len: usize) u64 {
    return penstock.call(event, ptr, len);
}

/// Makes acme's request of a canonical one: the model gets its name there, all else stays.
/// The gateway adds the API key.
fn request(input: []const u8, out: *Out) !void {
    const envelope = Json.from(input);
    const body = envelope.member("body").raw();
    const model = envelope.member("body").member("model").raw();
    const name = envelope.member("target").member("model").raw();
    if (model.len == 0 or name.len == 0) return penstock.reject(400, "the request names no model");
    const at = model.ptr - body.ptr;
    out.append("{\"method\":\"POST\",\"path\":\"/chat/generate\",\"headers\":{\"acme-version\":\"2\"},\"body\":");
    out.append(body[0..at]);
    out.append(name);
    out.append(body[at + model.len ..]);
    out.append("}");
}

/// Makes a canonical reply, or error, of acme's.
fn response(input: []const u8, out: *Out) !void {
    const envelope = Json.from(input);
    const body = envelope.member("body");
    const failed = (envelope.member("status").whole() orelse 0) >= 400 and body.member("error").kind() != .object;
    out.append(if (body.kind() == .object and !failed) body.raw() else failure("acme's reply is not one"));
}

/// Makes canonical chunks of an event of acme's stream. There is nothing to remember from
/// event to event, so the state stays empty.
fn event(input: []const u8, out: *Out) !void {
    const frame = penstock.splitFrame(input) orelse return penstock.reject(500, "the frame is cut short");
    const e = penstock.splitEvent(frame.payload);
    out.appendState("");
    if (std.mem.eql(u8, e.name, "penstock.start") or std.mem.eql(u8, e.name, "penstock.end")) return;
    if (std.mem.eql(u8, e.data, "[DONE]")) return out.appendLine(e.data);
    const chunk = Json.from(e.data);
    if (chunk.kind() != .object) return out.appendLine(failure("acme's event is not one"));
    out.appendLine(e.data);
    const line = out.written()[4..]; // behind the state's length
    std.mem.replaceScalar(u8, line, '\n', ' '); // a line end would end the chunk
}

fn failure(comptime message: []const u8) []const u8 {
    return "{\"error\":{\"message\":\"" ++ message ++ "\",\"type\":\"api_error\",\"param\":null,\"code\":null}}";
}
