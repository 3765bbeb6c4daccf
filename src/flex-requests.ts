import type { FlexRequest } from "./flex-attempt.ts";

/**
 * Adds a contact as a line. The form is the web UI's own, the only encoding that is known to work; without
 * `managedResourceLineItemType` Flex answers 400 (recorded for another value).
 */
export function addResourceRequest(elementId: string, resourceId: string): FlexRequest {
  return {
    method: "POST",
    path: `/line-item/${segment(elementId)}/add-resource/${segment(resourceId)}`,
    ids: [elementId, resourceId],
    contentType: "application/x-www-form-urlencoded; charset=UTF-8",
    body: "resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=",
  };
}

/** Sets one cell of a line (clients only; the answer's body is not recorded). */
export function setBusinessRoleRequest(elementId: string, lineItemId: string, roleId: string): FlexRequest {
  return {
    method: "POST",
    path: `/line-item/${segment(elementId)}/row-data/`,
    ids: [elementId, lineItemId],
    contentType: "application/json",
    body: JSON.stringify({ lineItemId: lineItemId.trim(), fieldType: "business-role", payloadValue: roleId }),
  };
}

/** Deletes one line. An empty id would be Flex's bulk deletion: `attempt` never sends a request with an empty id. */
export function removeLineRequest(lineItemId: string): FlexRequest {
  return { method: "DELETE", path: `/line-item/${segment(lineItemId)}`, ids: [lineItemId] };
}

/** Reads all lines. `codeList` must not be empty: Flex then answers 200 with `[]` whatever is there (recorded). */
export function readLinesRequest(elementId: string): FlexRequest {
  const query = "codeList=contact&codeList=business-role&node=root";
  return {
    method: "GET",
    path: `/line-item/${segment(elementId)}/row-data/?${query}`,
    ids: [elementId],
  };
}

/** Reads what the element is: `{id, deleted, …}` (recorded). */
export function readIdentityRequest(elementId: string): FlexRequest {
  return { method: "GET", path: `/element/${segment(elementId)}/identity`, ids: [elementId] };
}

/** Reads whose token this is (recorded). */
export function currentUserRequest(): FlexRequest {
  return { method: "GET", path: "/user-profile/current-user", ids: [] };
}

function segment(id: string): string {
  return encodeURIComponent(id.trim());
}
