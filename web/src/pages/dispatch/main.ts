import { mount } from "svelte";

import DispatchPage from "./DispatchPage.svelte";

mount(DispatchPage, { target: document.getElementById("page")! });
