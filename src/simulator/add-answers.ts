import { loginPage } from "./refusals.ts";
import { empty, json, type Reply } from "./reply.ts";
import type { AddAnswer } from "./settings.ts";

/**
 * The answer to an add that made the line `id`. Only `standard` is evidenced: four keys, recorded for other documents.
 *
 * @param accessoryId the id of the accessory that came along, null without one
 */
export function addAnswer(variant: AddAnswer, id: string, accessoryId: string | null): Reply {
  const standard = (added: unknown, roots: unknown): Reply =>
    json(200, {
      addedResourceLineIds: added,
      affectedRootLineIds: roots,
      addedNoteLineId: null,
      nonRootClonedLineIds: null,
    });
  switch (variant) {
    case "standard":
      return standard([id], [id]);
    case "ids-empty":
      return standard([], []);
    case "ids-missing":
      return json(200, {});
    case "root-only":
      return standard([], [id]);
    case "bare-ids":
      return standard(id, id);
    case "with-accessory-root-first":
      return standard([id, accessoryId], [id]);
    case "with-accessory-root-second":
      return standard([accessoryId, id], [id]);
    case "id":
      return json(200, { id });
    case "lineItemId":
      return json(200, { lineItemId: id });
    case "data.id":
      return json(200, { data: { id } });
    case "data.lineItemId":
      return json(200, { data: { lineItemId: id } });
    case "bare-string":
      return json(200, id);
    case "empty":
      return empty(200);
    case "html":
      return loginPage();
    case "exception-message":
      return json(200, { exceptionMessage: "Something went wrong" });
  }
}
